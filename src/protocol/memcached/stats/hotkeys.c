/* SPDX-License-Identifier: MIT
 *
 * hotkeys: `stats hotkeys`: the busiest keys of all protocols, estimated (riposte/hotkeys.h). An extension.
 *
 *      STAT hotkeys:1:key user%3A42
 *      STAT hotkeys:1:gets_per_s 1520
 *      STAT hotkeys:1:sets_per_s 3
 *      STAT hotkeys:1:size 512             bytes of the value; 0 when it is not there now
 *
 * Keys are written as in a metadump: what is not plain as % and two digits.
 */
#include <stdio.h>

#include "line.h"
#include "stats.h"

enum { ROWS_MAX = 20, NAME_SIZE_MAX = 48, ESCAPED_SIZE_MAX = 3 * HOTKEYS_KEY_SIZE_MAX };

static uint64_t value_size_of(struct memcached_worker *worker, struct bytes key) {
    static const struct get_options unused = {.no_use = true};
    struct item_view view;
    return store_get_with(worker->store, key, &unused, &view) == STORE_OK ? view.value.size : 0;
}

static void row_write(struct mc_call *call, unsigned number, const struct hotkey *row) {
    char name[NAME_SIZE_MAX];
    char escaped[ESCAPED_SIZE_MAX];
    struct bytes key = bytes_of(row->key, row->key_size);
    size_t escaped_size = (size_t)(line_escaped(escaped, key) - escaped);
    snprintf(name, sizeof(name), "hotkeys:%u:key", number);
    stat_line(call->reply, name, bytes_of(escaped, escaped_size));
    snprintf(name, sizeof(name), "hotkeys:%u:gets_per_s", number);
    stat_number(call->reply, name, (uint64_t)(row->reads_per_s + 0.5));
    snprintf(name, sizeof(name), "hotkeys:%u:sets_per_s", number);
    stat_number(call->reply, name, (uint64_t)(row->writes_per_s + 0.5));
    snprintf(name, sizeof(name), "hotkeys:%u:size", number);
    stat_number(call->reply, name, value_size_of(call->worker, key));
}

void stats_hotkeys(struct mc_call *call, struct bytes arguments) {
    struct hotkeys *hotkeys = call->worker->service->config.hotkeys;
    struct hotkey rows[ROWS_MAX];
    (void)arguments;
    if (hotkeys == NULL) {
        call_answer(call, false, CALL_LINE("CLIENT_ERROR stats hotkeys not allowed"));
        return;
    }
    unsigned count = hotkeys_top(hotkeys, rows, ROWS_MAX);
    for (unsigned i = 0; i < count; i++) {
        row_write(call, i + 1, &rows[i]);
    }
    stats_end(call->reply);
}

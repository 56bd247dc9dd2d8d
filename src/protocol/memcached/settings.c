/* SPDX-License-Identifier: MIT
 *
 * settings: see settings.h.
 */
#include "settings.h"

struct setting_search {
    const char *name;
    const char *value;
    bool result;
};

static void search_line(void *target, const char *name, struct bytes value) {
    struct setting_search *search = target;
    if (bytes_equal_string(bytes_from_string(name), search->name)) {
        search->result = bytes_equal_string(value, search->value);
    }
}

bool setting_is(const struct memcached_service *service, const char *name, const char *value,
                bool otherwise) {
    const struct memcached_settings_writer *writer = &service->config.settings;
    struct setting_search search = {.name = name, .value = value, .result = otherwise};
    if (writer->write != NULL) {
        writer->write(writer->user, search_line, &search);
    }
    return search.result;
}

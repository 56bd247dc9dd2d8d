/* SPDX-License-Identifier: MIT
 *
 * observe: see observe.h.
 */
#include "observe.h"

#include "prefixes.h"

void observe_get(const struct mc_call *call, struct bytes key, bool hit) {
    prefixes_count(call->worker->service->prefixes, key, (struct prefix_counts){.gets = 1, .hits = hit});
}

void observe_set(const struct mc_call *call, struct bytes key) {
    prefixes_count(call->worker->service->prefixes, key, (struct prefix_counts){.sets = 1});
}

void observe_delete(const struct mc_call *call, struct bytes key) {
    prefixes_count(call->worker->service->prefixes, key, (struct prefix_counts){.deletes = 1});
}

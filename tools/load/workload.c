/* SPDX-License-Identifier: MIT
 *
 * workload: see workload.h.
 */
#include "workload.h"

#include <assert.h>

void workload_ratio_set(struct workload *workload, uint64_t gets, uint64_t sets) {
    assert(gets + sets > 0 && gets <= UINT32_MAX && sets <= UINT32_MAX);
    workload->get_below = (gets << 32) / (gets + sets);
}

struct request workload_next(const struct workload *workload, struct random *random) {
    struct request request = {.key = popularity_next(&workload->popularity, random), .kind = REQUEST_GET};
    bool is_mixed = workload->get_below <= UINT32_MAX;
    if (is_mixed && random_next(random) >> 32 >= workload->get_below) {
        request.kind = REQUEST_SET;
    }
    return request;
}

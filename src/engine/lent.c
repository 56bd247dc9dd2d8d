/* SPDX-License-Identifier: MIT
 *
 * lent: the list of what the kernel still sends from, and whether a socket's queue is empty. See lent.h.
 */
#include "lent.h"

#include <assert.h>
#include <stdlib.h>
#include <sys/socket.h>

#include <linux/sock_diag.h>

#if defined(__SANITIZE_ADDRESS__)
#define LENT_LEAKS_ARE_SOUGHT 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define LENT_LEAKS_ARE_SOUGHT 1
#endif
#endif
#ifdef LENT_LEAKS_ARE_SOUGHT
#include <sanitizer/lsan_interface.h>
#endif

enum { LENT_CAPACITY_FIRST = 8 };

struct lent_send {
    uint64_t tag;
    struct reply reply;
};

bool lent_add(struct lent *lent, uint64_t tag, struct reply *reply) {
    if (lent->count == lent->capacity) {
        uint32_t capacity = lent->capacity == 0 ? LENT_CAPACITY_FIRST : 2 * lent->capacity;
        struct lent_send *sends = realloc(lent->sends, capacity * sizeof(*sends));
        if (sends == NULL) {
            return false;
        }
        lent->sends = sends;
        lent->capacity = capacity;
    }
    lent->sends[lent->count++] = (struct lent_send){tag, *reply};
    reply->at = reply->end = NULL;
    reply->first = reply->last = NULL;
    reply->unsent_size = 0;
    reply->memory_size = 0;
    reply->has_file = reply->open = false;
    return true;
}

struct reply *lent_last(const struct lent *lent) {
    assert(lent->count > 0);
    return &lent->sends[lent->count - 1].reply;
}

bool lent_return(struct lent *lent, uint64_t tag) {
    for (uint32_t i = 0; i < lent->count; i++) {
        if (lent->sends[i].tag == tag) {
            reply_discard(&lent->sends[i].reply);
            lent->sends[i] = lent->sends[--lent->count];
            return true;
        }
    }
    return false;
}

void lent_abandon(struct lent *lent) {
    if (lent->count == 0) {
        free(lent->sends);
    }
#ifdef LENT_LEAKS_ARE_SOUGHT
    if (lent->count > 0) {
        __lsan_ignore_object(lent->sends); /* on purpose, with all that it points to */
    }
#endif
    *lent = (struct lent){0};
}

bool lent_is_taken(int fd) {
    uint32_t sizes[SK_MEMINFO_VARS] = {0};
    socklen_t size = sizeof(sizes);
    /*
     * SO_MEMINFO, Linux 4.12. WMEM_QUEUED: packets of the queue, sent and unacknowledged ones included. WMEM_ALLOC: those on their way to the
     * network card, which are copies of the former but for their bytes.
     */
    return getsockopt(fd, SOL_SOCKET, SO_MEMINFO, sizes, &size) == 0 && size == sizeof(sizes) &&
           sizes[SK_MEMINFO_WMEM_QUEUED] == 0 && sizes[SK_MEMINFO_WMEM_ALLOC] == 0;
}

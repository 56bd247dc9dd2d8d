/* SPDX-License-Identifier: MIT
 *
 * listing: counts those that are under way. See listing.h.
 */
#include "listing.h"

#include <stdlib.h>

/* relaxed, here and below: a number; nothing is reached through it. */
static bool listing_take_place(struct memcached_service *service) {
    if (atomic_fetch_add_explicit(&service->listings, 1, memory_order_relaxed) < LISTINGS_MAX) {
        return true;
    }
    listing_release(service);
    return false;
}

void *listing_begin(struct mc_call *call, enum mc_session_state state, size_t size) {
    struct memcached_service *service = call->worker->service;
    if (!listing_take_place(service)) {
        call_answer(call, false, CALL_LINE("BUSY currently processing crawler request"));
        return NULL;
    }
    void *listing = calloc(1, size);
    if (listing == NULL) {
        listing_release(service);
        call_fail(call, false, MC_ERROR_NO_MEMORY_STATS);
        return NULL;
    }
    call->session->state = state;
    return listing;
}

void listing_end(struct mc_call *call) {
    listing_release(call->worker->service);
    call->session->state = MC_SESSION_LINE;
    call->requests++;
}

void listing_release(struct memcached_service *service) {
    atomic_fetch_sub_explicit(&service->listings, 1, memory_order_relaxed);
}

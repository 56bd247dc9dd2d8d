/* SPDX-License-Identifier: MIT
 *
 * memcached_talk: a store, and memcached over it, for one thread.
 */
#include "memcached_talk.h"

#include <assert.h>
#include <string.h>

#include "riposte/clock.h"

void talk_server_config(struct talk_server *server) {
    memset(server, 0, sizeof(*server));
    server->store_config = talk_store_config();
    server->config = (struct memcached_config){
        .item_size_max = (size_t)1 << 20,
        .cas_enabled = true,
        .flush_enabled = true,
        .dump_enabled = true,
        .watch_enabled = true,
        .debug_commands = true,
        .prefix_delimiter = ':',
        .connections_max = 16384,
        .workers_max = 1,
        .maxconns_fast = true,
        .slab_reassign = true,
        .lru_crawler = true,
        .lru_maintainer = true,
    };
}

void talk_server_init(struct talk_server *server) {
    int result = store_create(&server->store_config, &server->store);
    assert(result == 0);
    server->config.store = server->store;
    result = memcached_service_create(&server->config, &server->service);
    assert(result == 0);
    server->now_ns = clock_monotonic_ns();
    server->store_worker = store_worker_join(server->store, server->now_ns);
    assert(server->store_worker != NULL);
    server->worker = memcached_worker_create(server->service, server->store_worker, 0);
    assert(server->worker != NULL);
}

void talk_server_deinit(struct talk_server *server) {
    memcached_worker_destroy(server->worker);
    store_worker_leave(server->store_worker);
    memcached_service_destroy(server->service);
    store_destroy(server->store);
}

void talk_server_advance(struct talk_server *server, uint32_t seconds) {
    store_clock_advance(server->store, seconds);
    store_quiescent(server->store_worker, server->now_ns);
}

void talk_open(struct talk *talk, struct talk_server *server) {
    talk_begin(talk, &(struct talk_place){.protocol = &memcached_protocol,
                                          .context = server->worker,
                                          .store_worker = server->store_worker,
                                          .now_ns = &server->now_ns});
}

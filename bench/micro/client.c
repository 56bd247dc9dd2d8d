/* SPDX-License-Identifier: MIT
 *
 * client: joins a store, makes a service and a worker of a protocol over it, and throws answers away as sent.
 */
#include "client.h"

#include <stdlib.h>

#include "stopwatch.h"

enum { OUTPUT_SIZE_MAX = 8 << 20 };

static struct client *client_create(void *user, unsigned thread_index) {
    struct client *client = calloc(1, sizeof(*client));
    if (client == NULL) {
        stopwatch_give_up("no memory");
    }
    client->thread = fixture_thread_begin(user, thread_index);
    client->reply.unsent_size_max = OUTPUT_SIZE_MAX;
    return client;
}

void *client_begin(void *user, unsigned thread_index) {
    const struct fixture *fixture = user;
    struct memcached_config config = {
        .store = fixture->store,
        .item_size_max = 1 << 20,
        .cas_enabled = true,
        .prefix_delimiter = ':',
        .connections_max = 1,
        .workers_max = 1,
    };
    struct client *client = client_create(user, thread_index);
    if (memcached_service_create(&config, &client->service) != 0 ||
        (client->worker = memcached_worker_create(client->service, client->thread->worker, 0)) == NULL) {
        stopwatch_give_up("no memory");
    }
    client->protocol = &memcached_protocol;
    client->context = client->worker;
    return client;
}

void *client_begin_http(void *user, unsigned thread_index) {
    const struct fixture *fixture = user;
    struct http_config config = {
        .store = fixture->store,
        .item_size_max = 1 << 20,
        .cas_enabled = true,
        .timeout_ms = 30000,
        .workers_max = 1,
    };
    struct client *client = client_create(user, thread_index);
    if (http_service_create(&config, &client->http_service) != 0 ||
        (client->http_worker = http_worker_create(client->http_service, client->thread->worker, 0)) == NULL) {
        stopwatch_give_up("no memory");
    }
    client->protocol = &http_protocol;
    client->context = http_worker_endpoint(client->http_worker, HTTP_ENDPOINT_LOOPBACK);
    return client;
}

void client_end(void *state) {
    struct client *client = state;
    reply_discard(&client->reply);
    if (client->protocol == &http_protocol) {
        http_worker_destroy(client->http_worker);
        http_service_destroy(client->http_service);
    } else {
        memcached_worker_destroy(client->worker);
        memcached_service_destroy(client->service);
    }
    fixture_thread_end(client->thread);
    free(client);
}

uint64_t client_flush(struct client *client) {
    uint64_t size = client->reply.unsent_size;
    reply_sent(&client->reply, size);
    return size;
}

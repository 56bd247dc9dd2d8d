/* SPDX-License-Identifier: MIT
 *
 * listeners: gathers addresses and sockets, and deals them out. See listeners.h.
 */
#include "listeners.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "protocols.h"
#include "riposte/log.h"

static bool listener_is_same(const struct message_listener *known, const struct message_listener *listener) {
    return known->address_size == listener->address_size &&
           memcmp(&known->address, &listener->address, listener->address_size) == 0;
}

/* More descriptors of one address say of it what the first have said. */
static bool listener_agrees(const struct message_listener *known, const struct message_listener *listener) {
    return strcmp(known->protocol, listener->protocol) == 0 && known->tls == listener->tls &&
           known->is_inherited == listener->is_inherited && known->is_free_port == listener->is_free_port;
}

/* A newer build may listen where this one does not know how to. */
static bool listener_is_of_a_kind(const struct message_listener *listener) {
    int family = listener->address.ss_family;
    return (family == AF_INET || family == AF_INET6 || family == AF_UNIX) &&
           listener->tls <= LISTEN_TLS_MUTUAL;
}

int listeners_take(struct listeners_taken *taken, const struct message_listener *message,
                   struct channel_fds *fds) {
    struct message_listener *last = taken->count == 0 ? NULL : &taken->listeners[taken->count - 1];
    bool is_more = last != NULL && listener_is_same(last, message);
    if (fds->count != message->fds_count || fds->count == 0 ||
        taken->fds_count + fds->count > INHERITED_MAX || (is_more && !listener_agrees(last, message)) ||
        (!is_more && taken->count == ENGINE_LISTENS_MAX) || !listener_is_of_a_kind(message)) {
        channel_fds_close(fds);
        return -EPROTO;
    }
    memcpy(taken->fds + taken->fds_count, fds->fds, fds->count * sizeof(int));
    taken->fds_count += fds->count;
    if (is_more) {
        last->fds_count += fds->count;
    } else {
        taken->listeners[taken->count++] = *message;
    }
    return 0;
}

bool listeners_take_file(struct listeners_taken *taken, const struct message_file *message) {
    const struct message_listener *last = taken->count == 0 ? NULL : &taken->listeners[taken->count - 1];
    if (last == NULL || last->address.ss_family != AF_UNIX || last->is_inherited ||
        taken->files[taken->count - 1].is_known) {
        return false;
    }
    taken->files[taken->count - 1] = (struct engine_socket_file){true, message->device, message->inode};
    return true;
}

struct listen listeners_listen(const struct listeners_taken *taken, unsigned index) {
    const struct message_listener *listener = &taken->listeners[index];
    struct listen listen = {.address = listener->address,
                            .address_size = (socklen_t)listener->address_size,
                            .protocol = protocols_find(bytes_from_string(listener->protocol)),
                            .tls = (enum listen_tls)listener->tls,
                            .is_inherited = listener->is_inherited,
                            .is_taken = true,
                            .file = taken->files[index],
                            .is_named = true};
    return listen;
}

bool listeners_are_known(const struct listeners_taken *taken) {
    for (unsigned i = 0; i < taken->count; i++) {
        if (listeners_listen(taken, i).protocol == NULL) {
            return false;
        }
    }
    return true;
}

bool listeners_keep_managed(const struct listeners_taken *taken, struct listen_list *list,
                            struct failure *failure) {
    for (unsigned i = 0; i < taken->count; i++) {
        struct listen listen = listeners_listen(taken, i);
        unsigned index;
        if (listen.is_inherited && !listen_list_inherit(list, &listen, &index, failure)) {
            return false;
        }
    }
    return true;
}

/* The sockets of one address are fds[at] to fds[end - 1]. */
static void listeners_deal(const struct listeners_taken *taken, unsigned at, unsigned end, unsigned index,
                           struct inherited *inherited) {
    for (; at < end; at++) {
        inherited->fds[inherited->count] = taken->fds[at];
        inherited->listens[inherited->count++] = (uint8_t)index;
    }
}

/* The same, of an address that no flag names. */
static void listeners_drop(const struct listeners_taken *taken, unsigned at, unsigned end,
                           const struct listen *listen) {
    char text[LISTEN_TEXT_SIZE_MAX];
    for (; at < end; at++) {
        close(taken->fds[at]);
    }
    listen_text(listen, text);
    log_line(LOG_LEVEL_WARNING, "%s is not listened on any more: no flag names it", text);
}

void listeners_inherit(struct listeners_taken *taken, struct inherited *inherited, struct listen_list *list) {
    unsigned at = 0;
    for (unsigned i = 0; i < taken->count; i++) {
        struct listen listen = listeners_listen(taken, i);
        unsigned index = listen_list_match(list, &listen, taken->listeners[i].is_free_port);
        unsigned end = at + taken->listeners[i].fds_count;
        if (index < list->count) {
            listeners_deal(taken, at, end, index, inherited);
        } else {
            listeners_drop(taken, at, end, &listen);
            taken->are_dropped[i] = true;
        }
        at = end;
    }
    taken->fds_count = 0;
}

void listeners_dropped(const struct listeners_taken *taken, struct socket_files *dropped) {
    dropped->count = 0;
    for (unsigned i = 0; i < taken->count; i++) {
        if (taken->are_dropped[i] && taken->files[i].is_known) {
            const char *path = address_unix_path(&taken->listeners[i].address);
            dropped->files[dropped->count++] = (struct socket_file){path, taken->files[i]};
        }
    }
}

void listeners_close(struct listeners_taken *taken) {
    while (taken->fds_count > 0) {
        close(taken->fds[--taken->fds_count]);
    }
}

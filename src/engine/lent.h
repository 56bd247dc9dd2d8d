/* SPDX-License-Identifier: MIT
 *
 * lent: memory that the kernel sends from without a copy (zero copy) while its connection goes to another engine.
 *
 * Such a send has two completions: one says how many bytes the kernel has put into the socket's queue, the other one, when the client has
 * taken them all and the network card is done, that the memory is free. A slow client may take minutes; a connection that goes to another
 * engine does not wait for it. Bytes of the queue must be what they were until they are acknowledged, since the kernel reads them when it
 * sends them, and again when it repeats them. Two kinds of memory are in it:
 *
 *      the store's      shared by both engines. The old one has it pinned until the new one has, too (frozen.h). The new one keeps all of the
 *                       output, with its pins, and sends nothing, until the client has it (timeouts_watch_sent).
 *      all other        heads of answers, numbers, files that were read. Only the old engine has it. The kernel holds its pages, not their
 *                       addresses (get_user_pages): they outlive the process, as they are. So the process must not write them while it
 *                       lives, nor free them, which lets others write them: it keeps the whole reply here, and never frees it.
 *
 *      freeze_conn --lent_add--> kept --the kernel is done (lent_return)--> freed: an engine that goes on with its own connections
 *                                     --the engine ends (lent_abandon)----> left as it is: its process ends
 *
 * The new engine has no ring that would hear of the last completion: it asks the socket. Its queue is empty when everything is acknowledged
 * (then nobody reads what might still be repeated: the client has had those bytes, and drops them), or when the connection is reset. What a
 * reset finds on its way to the network card is sent before it: so it waits for these as well.
 *
 * The worker's own thread only.
 */
#ifndef RIPOSTE_ENGINE_LENT_H
#define RIPOSTE_ENGINE_LENT_H

#include <stdbool.h>
#include <stdint.h>

#include "riposte/reply.h"

/* All zero is an empty list. */
struct lent {
    struct lent_send *sends; /* count of them; owned */
    uint32_t count;
    uint32_t capacity;
};

/* Takes over all that the reply has, which is empty then. `tag`: the send's. False when memory ends: the reply has it as before. */
bool lent_add(struct lent *lent, uint64_t tag, struct reply *reply);

/* The reply that was added last. */
struct reply *lent_last(const struct lent *lent);

/* The kernel is done with the send of that tag: its reply is freed. False: there is none. */
bool lent_return(struct lent *lent, uint64_t tag);

/* The end: the list is empty, and what is in it is never freed. */
void lent_abandon(struct lent *lent);

/* The kernel sends nothing of that socket any more. False as well where it does not say. */
bool lent_is_taken(int fd);

#endif

/* SPDX-License-Identifier: MIT
 *
 * epoll: the other transport. What the rest of the engine knows of it.
 */
#ifndef RIPOSTE_ENGINE_EPOLL_EPOLL_H
#define RIPOSTE_ENGINE_EPOLL_EPOLL_H

#include <stddef.h>

/* Bytes of a worker's state with a buffer of so many bytes for what one turn receives. */
size_t epoll_memory_size(size_t turn_buffer_size);

#endif

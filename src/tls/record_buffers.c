/* SPDX-License-Identifier: MIT
 *
 * record_buffers: two buffers for each thread, in one array, so that an address says whether it is one of them. See
 * record_buffers.h.
 */
#include "record_buffers.h"

#include <assert.h>
#include <openssl/crypto.h>
#include <stdalign.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "riposte/check.h"

enum {
    /* A record has up to 16384 bytes of plain text, and some hundred beside it (RFC 8446 section 5.2). */
    BUFFER_SIZE_MIN = 16384 + 1,
    BUFFER_SIZE = 17 * 1024,
    BUFFERS_OF_THREAD = 2, /* a record that comes, and one that goes */
    THREADS_MAX = 256,     /* those beyond have malloc only */
};

struct buffer {
    alignas(64) char bytes[BUFFER_SIZE];
    _Atomic bool lent; /* set by the thread whose it is, cleared by whoever frees it */
};

struct thread_buffers {
    struct buffer buffers[BUFFERS_OF_THREAD];
};

/*
 * OpenSSL's functions for memory have no context: what they use belongs to the process. Pages that no thread has written to
 * take no memory.
 */
static struct thread_buffers all[THREADS_MAX];
static _Atomic unsigned threads_count;
static _Thread_local struct thread_buffers *own; /* NULL: it has none yet */

/* NULL: too many threads were before this one. */
static struct thread_buffers *buffers_own(void) {
    if (unlikely(own == NULL)) {
        /* relaxed: only a number of its own. */
        unsigned index = atomic_fetch_add_explicit(&threads_count, 1, memory_order_relaxed);
        own = index < THREADS_MAX ? &all[index] : NULL;
    }
    return own;
}

static void *buffer_take(void) {
    struct thread_buffers *mine = buffers_own();
    for (int i = 0; mine != NULL && i < BUFFERS_OF_THREAD; i++) {
        struct buffer *buffer = &mine->buffers[i];
        /* acquire: pairs with the release of who gave it back, whose last look at the bytes was before. */
        if (!atomic_load_explicit(&buffer->lent, memory_order_acquire)) {
            /* relaxed: only this thread takes. */
            atomic_store_explicit(&buffer->lent, true, memory_order_relaxed);
            return buffer->bytes;
        }
    }
    return NULL;
}

/* The buffer that begins at `memory`; NULL: it is malloc's. */
static struct buffer *buffer_at(void *memory) {
    uintptr_t at = (uintptr_t)memory - (uintptr_t)all;
    if (likely(at >= sizeof(all))) {
        return NULL;
    }
    assert(at % sizeof(struct buffer) == 0);
    return memory;
}

static void *memory_take(size_t size, const char *file, int line) {
    (void)file;
    (void)line;
    void *memory = size >= BUFFER_SIZE_MIN && size <= BUFFER_SIZE ? buffer_take() : NULL;
    return memory != NULL ? memory : malloc(size);
}

static void memory_give(void *memory, const char *file, int line) {
    (void)file;
    (void)line;
    struct buffer *buffer = buffer_at(memory);
    if (buffer == NULL) {
        free(memory);
        return;
    }
    /* release: whoever takes it next writes to it after this thread's last look. */
    atomic_store_explicit(&buffer->lent, false, memory_order_release);
}

static void *memory_resize(void *memory, size_t size, const char *file, int line) {
    if (likely(buffer_at(memory) == NULL)) {
        return realloc(memory, size);
    }
    void *other = size <= BUFFER_SIZE ? memory : malloc(size);
    if (other != NULL && other != memory) {
        memcpy(other, memory, BUFFER_SIZE);
        memory_give(memory, file, line);
    }
    return other;
}

bool record_buffers_install(void) {
    return CRYPTO_set_mem_functions(memory_take, memory_resize, memory_give) == 1;
}

/* SPDX-License-Identifier: MIT
 *
 * page_cache: samples, and what is remembered of them.
 *
 *      memo  63                                   17   16   15        0
 *            +-------------------------------------+-------+----------+
 *            | upper bits of the block's hash      | blind | seconds  |
 *            +-------------------------------------+-------+----------+
 *
 * An entry is one word: whoever reads it gets a whole one. After 18 hours its time is true again for a moment; what is
 * believed then is what would be believed of a block that is put out in the second after it was looked at.
 */
#include "page_cache.h"

#include <errno.h>
#include <fcntl.h>

#include "riposte/clock.h"

enum {
    SEEN_S = 1,   /* so long, and up to a second more, a block is believed to be there that was */
    BLIND_S = 10, /* the same, since its last use, where the file system cannot say */
    AHEAD_SIZE = 4 * HTTP_PAGE_CACHE_BLOCK_SIZE,
    PIECE_SIZE = 16 * 1024, /* on the stack; waiting for the disk is dearer than the calls */
};

#define MEMO_BLIND     ((uint64_t)1 << 16)
#define MEMO_TIME_MASK (MEMO_BLIND - 1)
#define MEMO_HASH_MASK (~(MEMO_BLIND | MEMO_TIME_MASK))

/* relaxed, here and below: an entry says all by itself. */
static _Atomic uint64_t *memo_of(struct http_page_cache *cache, uint64_t hash) {
    return &cache->memo[hash % HTTP_PAGE_CACHE_MEMO_COUNT];
}

static void memo_set(struct http_page_cache *cache, uint64_t hash, bool blind, uint64_t now_s) {
    uint64_t entry = (hash & MEMO_HASH_MASK) | (blind ? MEMO_BLIND : 0) | (now_s & MEMO_TIME_MASK);
    atomic_store_explicit(memo_of(cache, hash), entry, memory_order_relaxed);
}

/* The block was there a moment ago. */
static bool memo_has(struct http_page_cache *cache, uint64_t hash, uint64_t now_s) {
    uint64_t entry = atomic_load_explicit(memo_of(cache, hash), memory_order_relaxed);
    uint64_t age_s = (now_s - entry) & MEMO_TIME_MASK;
    bool blind = (entry & MEMO_BLIND) != 0;
    if (entry == 0 || ((entry ^ hash) & MEMO_HASH_MASK) != 0 || age_s > (blind ? BLIND_S : SEEN_S)) {
        return false;
    }
    if (blind && age_s > 0) {
        memo_set(cache, hash, true, now_s);
    }
    return true;
}

/* One byte, or what is said instead; at the end of the file there is nothing to wait for. */
static ssize_t sample(const struct http_file_io *io, int fd, uint64_t offset) {
    char byte;
    return io->read(fd, &byte, 1, offset, true);
}

bool http_page_cache_has(struct http_page_cache *cache, const struct http_file_io *io,
                         const struct http_page_block *block, uint64_t now_ns) {
    uint64_t now_s = now_ns / CLOCK_NS_PER_S;
    if (memo_has(cache, block->hash, now_s)) {
        return true;
    }
    for (uint64_t at = block->offset; at < block->end; at += HTTP_PAGE_CACHE_SAMPLE_SIZE) {
        ssize_t got = sample(io, block->fd, at);
        if (got == -EAGAIN || got == -EOPNOTSUPP) {
            return false;
        }
    }
    if (block->end > block->offset && sample(io, block->fd, block->end - 1) == -EAGAIN) {
        return false; /* the last is read last */
    }
    memo_set(cache, block->hash, false, now_s);
    return true;
}

void http_page_cache_fill(struct http_page_cache *cache, const struct http_file_io *io,
                          const struct http_page_block *block, uint64_t now_ns) {
    char piece[PIECE_SIZE];
    uint64_t at = block->offset;
    int failed = posix_fadvise(block->fd, (off_t)block->offset, AHEAD_SIZE, POSIX_FADV_WILLNEED);
    (void)failed; /* an advice */
    while (at < block->end) {
        uint64_t left = block->end - at;
        ssize_t got = io->read(block->fd, piece, left < sizeof(piece) ? left : sizeof(piece), at, false);
        if (got <= 0) {
            break; /* who sends it finds out */
        }
        at += (uint64_t)got;
    }
    bool blind = sample(io, block->fd, block->offset) == -EOPNOTSUPP;
    memo_set(cache, block->hash, blind, now_ns / CLOCK_NS_PER_S);
}

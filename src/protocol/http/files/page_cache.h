/* SPDX-License-Identifier: MIT
 *
 * page_cache: whether bytes of a file are in the kernel's page cache, so that sending them waits for no disk; and how they get
 * there.
 *
 *      block  |0 ................ 512 KiB|1 ................ 512 KiB|  is asked about, and brought in, as a whole
 *             |s      s      s      s    |   s: one byte of each 64 KiB is read without waiting (file_io.h)
 *
 * Samples, since there is no call that tells it of every page without copying it: mincore(2) and cachestat(2) tell only the
 * file's owner. What this program brings in is whole blocks, the kernel reads ahead by 128 KiB and more: that one of the
 * pages between the samples alone is missing takes a machine that is short of memory, and then one read holds up the
 * worker.
 *
 * Blocks that were there are remembered, for a second or two; where the file system cannot say (overlayfs), for ten since
 * their last use. Any thread may call.
 */
#ifndef HTTP_PAGE_CACHE_H
#define HTTP_PAGE_CACHE_H

#include <stdatomic.h>

#include "file_io.h"

enum {
    HTTP_PAGE_CACHE_BLOCK_SIZE = 512 * 1024,
    HTTP_PAGE_CACHE_SAMPLE_SIZE = 64 * 1024,
    HTTP_PAGE_CACHE_MEMO_COUNT = 1024, /* blocks remembered */
};

/* All zero remembers nothing. */
struct http_page_cache {
    /* By hash: the upper bits of a block's hash, whether its file system can say, and a time. 0: none. */
    _Atomic uint64_t memo[HTTP_PAGE_CACHE_MEMO_COUNT];
};

/* One block of a file, or what the file has of it. */
struct http_page_block {
    int fd;
    uint64_t hash;   /* of the file's state and the block */
    uint64_t offset; /* in the file */
    uint64_t end;
};

/* True when its bytes can be sent at now_ns (monotonic) without waiting for a disk, as far as can be told. */
bool http_page_cache_has(struct http_page_cache *cache, const struct http_file_io *io,
                         const struct http_page_block *block, uint64_t now_ns);

/* Reads them, however long that takes, and has the kernel begin with what follows. */
void http_page_cache_fill(struct http_page_cache *cache, const struct http_file_io *io,
                          const struct http_page_block *block, uint64_t now_ns);

#endif

/* SPDX-License-Identifier: MIT
 *
 * guard: maps pages, forbids the last one, and copies bytes up against it.
 */
#include "guard.h"

#include <assert.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

void guard_init(struct guard *guard, size_t size_max) {
    size_t page_size = (size_t)sysconf(_SC_PAGESIZE);
    guard->size_max = (size_max + page_size - 1) / page_size * page_size;
    guard->map_size = guard->size_max + page_size;
    void *map = mmap(NULL, guard->map_size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    assert(map != MAP_FAILED);
    guard->map = map;
    int result = mprotect(guard->map + guard->size_max, page_size, PROT_NONE);
    assert(result == 0);
}

void guard_deinit(struct guard *guard) {
    munmap(guard->map, guard->map_size);
}

struct bytes guard_copy(struct guard *guard, struct bytes bytes) {
    assert(bytes.size <= guard->size_max);
    char *copy = guard->map + guard->size_max - bytes.size;
    if (bytes.size > 0) {
        memcpy(copy, bytes.data, bytes.size);
    }
    return bytes_of(copy, bytes.size);
}

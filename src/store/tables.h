/* SPDX-License-Identifier: MIT
 *
 * tables: the memory of what stands beside the arena: the index (homes, overflow buckets and their links), ghosts, floors.
 *
 *      memfd    | homes        | overflow    | links   | ghosts  | floors  |
 *               each begins on a large page; what was never used is a hole
 *
 * It is a file of memory of its own (memfd_create(2)), as the arena's is one, so that another process goes on with the tables where
 * they lie: it maps them in the same order and sizes, and a take-over costs the same with ten items and with ten million. They may
 * stand at other addresses there: nothing in a table is an address.
 *
 * The memory is this process's alone, and has to be copied to another one, where the system has no such files, and where it promises no
 * more memory than it has: there a page of such a file may be refused at its first use, which would end the process.
 *
 * Before there are workers, but for tables_drop and tables_use.
 */
#ifndef RIPOSTE_STORE_TABLES_H
#define RIPOSTE_STORE_TABLES_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

enum { TABLES_MAX = 5 };

struct table {
    char *memory;
    size_t size;  /* bytes, whole pages */
    off_t offset; /* in the file */
};

struct tables {
    int fd;           /* owned; -1: the memory is this process's alone */
    bool is_taken;    /* another process has made the file */
    bool large_pages; /* wanted (-L) */
    unsigned count;
    struct table tables[TABLES_MAX];
};

/* `fd`: what another process has left, borrowed for the call; -1: nothing. 0, -errno. */
int tables_init(struct tables *tables, int fd, bool large_pages);

/* Unmaps them all. */
void tables_destroy(struct tables *tables);

/*
 * Memory for the next table, or what the other process has left in it: zeroes where nothing was written. NULL: the system has no
 * addresses, or what was left is too short.
 */
void *tables_map(struct tables *tables, size_t size);

/*
 * A part of a table, of whole pages, is about to be used for the first time. Where large pages are wanted it gets one with the first
 * of its bytes, which takes some 0.2 ms. Nothing else happens otherwise.
 */
void tables_use(const struct tables *tables, const void *memory, size_t size);

/* Gives a part of a table, of whole pages, back to the system: it reads as zeroes. */
void tables_drop(const struct tables *tables, void *memory, size_t size);

#endif

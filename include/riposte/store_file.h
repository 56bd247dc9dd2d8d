/* SPDX-License-Identifier: MIT
 *
 * store_file: a store whose items lie in a file (on tmpfs or a DAX mount), and outlive the process there.
 *
 *      store_file_create --> joins, work, leaves --> store_file_save --> store_destroy
 *             ^                                                              |
 *             +--------------------- another process, the same file --------+
 *
 * What survives: items with their flags, CAS numbers, expiry, marks and use; delayed flushes and flushed prefixes; the
 * queues of eviction in their order, and its ghosts; the note (store_note_set). Times go on by the wall clock. What does not: counters other
 * than those of what is there.
 *
 * The file is the server's alone: who may write it may change everything in the store. Lock it (flock(2)).
 */
#ifndef RIPOSTE_STORE_FILE_H
#define RIPOSTE_STORE_FILE_H

#include "riposte/numbers.h"
#include "riposte/store.h"

#ifdef __cplusplus
extern "C" {
#endif

/* What became of what was in the file; all but TAKEN: the store is empty. */
enum store_image {
    STORE_IMAGE_TAKEN,
    STORE_IMAGE_NONE,      /* the file was empty */
    STORE_IMAGE_FOREIGN,   /* it holds something else: there is no store, and nothing was written */
    STORE_IMAGE_UNCLEAN,   /* the last process was killed, or is still there */
    STORE_IMAGE_VERSION,   /* it was left by another version, with another layout */
    STORE_IMAGE_DAMAGED,   /* a checksum is wrong, or something is missing */
    STORE_IMAGE_BOOT,      /* the machine was booted since */
    STORE_IMAGE_ITEM_SIZE, /* it was laid out for smaller items */
    STORE_IMAGE_ADDRESSES, /* the system refuses the addresses that it needs */
    STORE_IMAGE_LIMIT, /* it was laid out for other limits: from what the index needs to nearly four times the old one (above 3.5 GiB nearly twice at least) fits */
};

/*
 * As store_create, with the arena in a file. `fd`: of a regular file or memfd, open for reading and writing, borrowed for
 * the call. What a store before has left there is taken; then its layout, its hash seed and the number of its
 * first buckets apply in place of those of `config`, and the limit is lowered by eviction where it has to be. now_ns: monotonic. 0 and
 * *image; -EINVAL, -ENOMEM as store_create; -EEXIST: STORE_IMAGE_FOREIGN; other -errno of the file, -EMFILE and -ENFILE among them:
 * *image is STORE_IMAGE_NONE.
 */
int store_file_create(const struct store_config *config, int fd, uint64_t now_ns, enum store_image *image,
                      struct store **created);

/*
 * Leaves the store in its file, for store_file_create of another process. All workers have left. What is still pinned stays where it
 * is, until it is unpinned here and, where it was pinned there, there (store_file_pin). After 0 only store_destroy may be called. now_ns: monotonic. -errno (-ENOSPC: the file system has no room
 * for the index): nothing is left, and the store is as before. Also of a store without a file, which then lives as long as
 * somebody has a duplicate of store_file_fd.
 */
int store_file_save(struct store *store, uint64_t now_ns);

/*
 * The same for two processes that agree about who has the store:
 *
 *      old: store_file_share -- descriptors --> new: store_file_take --+--> old: store_destroy; new: store_file_settle
 *                                                                      +--> new: store_destroy; old: store_file_resume
 *
 * Until it is settled nothing in the file is changed by the new one, which lets no worker store anything.
 */

/*
 * As store_file_save, for one that takes it with the memory of store_file_tables_fd: index and the like stay where they are and are
 * not copied, however many items there are. Where they have no such memory they are.
 */
int store_file_share(struct store *store, uint64_t now_ns);

/*
 * As store_file_create of what the other process has left by store_file_share, or by store_file_save. tables_fd: borrowed; -1: none has
 * come. -EEXIST: it cannot be taken as it is, *image says why; the other one can go on with it.
 */
int store_file_take(const struct store_config *config, int fd, int tables_fd, uint64_t now_ns,
                    enum store_image *image, struct store **created);

/* The store is in this process again, as before store_file_share or store_file_save. No other has settled it. The thread that has called those. */
void store_file_resume(struct store *store);

/* What the old process has left for taking it back is freed. Any number of times. The thread that has taken it, before workers store anything. */
void store_file_settle(struct store *store);

/*
 * A value that is still being sent when the store goes to another process, which goes on sending: the old one says where it is, for
 * as long as it has it pinned; the new one pins it, before any worker works.
 *
 * Where bytes that store_pin keeps are in the file. False: they are not the store's, or it has none. Any thread.
 */
bool store_file_offset(const struct store *store, struct bytes bytes, uint64_t *offset);

/*
 * Keeps `size` bytes (>= 1) in place until store_unpin(pin), in one segment of those that the old process has left there. Returns the
 * pin, and where they are. NULL: no such segment has them; nothing is kept. The thread that has created the store.
 */
void *store_file_pin(struct store *store, uint64_t offset, size_t size, struct bytes *bytes);

/*
 * What another process has left is in memory, but not in this process's page tables before it is used, and locked (mlockall(2), MCL_ONFAULT)
 * only then. Brings in the next up to `size_max` bytes (whole pages) from *at on, which is 0 first, and moves *at behind them. 1: there may
 * be more; 0: that was all, or the store has no file; -errno: the system cannot (-EINVAL: before Linux 5.14). While workers work, too; any
 * thread.
 */
int store_file_map(const struct store *store, uint64_t *at, size_t size_max);

/*
 * What the store has counted, for one that goes on with it, in which nobody stores yet. Before store_file_save, and behind
 * store_file_create. The thread that has called those. now_ns: monotonic.
 */
void store_counters_save(struct store *store, struct record_writer *writer);
void store_counters_load(struct store *store, struct numbers *numbers, uint64_t now_ns);

/* The descriptor of the memory, the store's; -1: the system has no such files. */
int store_file_fd(const struct store *store);

/* That of index and the like, the store's, for store_file_take. -1: the last store_file_share, or store_file_save, has copied them. */
int store_file_tables_fd(const struct store *store);

#ifdef __cplusplus
}
#endif

#endif

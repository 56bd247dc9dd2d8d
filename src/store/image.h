/* SPDX-License-Identifier: MIT
 *
 * image: what a store leaves in the file of its arena, so that another process can go on with it.
 *
 *      0            4096        ARENA_FILE_OFFSET
 *      | root block | (a hole)  | the arena: slots and windows, as they were | homes | overflow | links | floors | ghosts |
 *                                                                               segments | prefixes | note |
 *
 * The arena stays where it is and is not touched. Everything else is moved through the file, a piece at a time: what was
 * written is given back in memory, what was read is punched out of the file, so nothing of size is there twice. The index
 * is moved, not made anew from the items: which item of a key is the last, and which were deleted, stands nowhere else;
 * and with 10 million items of 32 bytes a start took it in 164 ms.
 *
 * The root block is written last and made invalid before anything else is written: a file is trusted when it was
 * completed, by a process of the same boot, and never twice.
 *
 *      empty --created--> IN_USE --image_save--> COMPLETE --store_file_create--> IN_USE --kill -9--> IN_USE: not trusted
 *
 * Who takes it and keeps it (store_file.h) writes IN_USE when it is settled, and nothing before. For such a one the tables can stay
 * where they are as well: then their sections are empty, and the state is SHARED, with which nobody takes it who has not their memory.
 *
 * Nothing is synchronised to a disk: while the machine is up every process sees what the last one has written, and what
 * is left after a boot is not trusted. Root block and sections have checksums; the items have none: the memory of the
 * arena is that of the process that stopped in order, and since then only a process of the same user could have written
 * there, which could as well seal what it wrote. To read it all once takes 0.07 s a GiB (XXH3, one CPU), at the stop and at
 * the start, while nobody is served.
 */
#ifndef RIPOSTE_STORE_IMAGE_H
#define RIPOSTE_STORE_IMAGE_H

#include "index.h"
#include "riposte/store_file.h"
#include "state.h"

enum {
    IMAGE_VERSION = 5, /* of everything in the file: root block, sections, items, buckets, descriptors */
    IMAGE_ROOT_SIZE = 4096,
    IMAGE_BOOT_SIZE = 40,
    IMAGE_MAGIC_SIZE = 16,
};

/* SHARED: COMPLETE, but that its tables are where they were, in a file of memory that travels beside it (tables.h). */
enum image_state { IMAGE_IN_USE = 1, IMAGE_COMPLETE = 2, IMAGE_SHARED = 3 };

enum image_section {
    IMAGE_HOMES, /* the tables come first: where each stands follows from what stays in memory */
    IMAGE_OVERFLOW,
    IMAGE_LINKS,
    IMAGE_FLOORS,
    IMAGE_GHOSTS, /* empty: nothing was ever pushed out */
    IMAGE_SEGMENTS, /* image_segment, the queues one behind the other, oldest first; then what is retired and pinned */
    IMAGE_PREFIXES, /* the flush table; empty: none */
    IMAGE_NOTE,     /* store_note; empty: none */
    IMAGE_SECTIONS_COUNT,
};

/* What stands for a queue where a segment is in none: retired, and replies still send from it. */
enum { IMAGE_RETIRED = QUEUES_COUNT };

/* A segment of a queue, or a retired one. */
struct image_segment {
    uint64_t number;
    uint32_t index, size, used, dead;
    uint32_t expires_first, expires_last;
    uint32_t queue; /* enum segment_queue, or IMAGE_RETIRED */
    uint32_t unused;
};

/* Host byte order: it is read on the machine that wrote it. */
struct image_root {
    char magic[IMAGE_MAGIC_SIZE];
    uint32_t version;
    uint32_t state; /* enum image_state */
    char boot[IMAGE_BOOT_SIZE];

    /* What the store was laid out for: struct arena_plan. */
    uint64_t limit, limit_max, item_size_max, segment_shift;

    /* The index, as in struct index. */
    uint64_t hash_seed, homes_count, homes_min, overflow_taken, overflow_free, overflow_count;

    uint64_t sequence, flush_number, doubt_number;
    uint64_t stopped_unix_s; /* the moment of the stop by the wall clock, */
    uint64_t stopped_tick;   /* and by the store's */
    uint64_t start_unix_s;   /* clock_start_unix_s */
    uint64_t start_ns;       /* clock_start_ns, */
    uint64_t advance_s;      /* and clock_advance_s: for who goes on at once */
    uint64_t flush_at_tick;
    uint64_t items_count, items_size;
    uint64_t ghost_clocks[QUEUES_COUNT], ghost_target;

    struct {
        uint64_t size;     /* bytes */
        uint64_t checksum; /* XXH3 */
    } sections[IMAGE_SECTIONS_COUNT];
    uint64_t checksum; /* of all before */
};
static_assert(sizeof(struct image_root) <= IMAGE_ROOT_SIZE, "the root block is a page");
static_assert(sizeof(struct image_segment) == 40, "no padding: it is written as it stands");

/* Of all that stands before it. */
static inline uint64_t image_root_checksum(const struct image_root *root) {
    return XXH3_64bits(root, offsetof(struct image_root, checksum));
}

/* Sets the checksum. */
static inline void image_root_seal(struct image_root *root) {
    root->checksum = image_root_checksum(root);
}

/* A section in memory. */
struct image_part {
    char *memory;
    size_t size;
    bool is_table; /* its pages go as it is written */
};

/* Sections begin on a page, so that what was read can be punched out. */
static inline size_t image_pages(size_t size) {
    return arena_round_up(size, ARENA_PAGE_SIZE);
}

/* --- store_file.c: the root block, pure --- */

/* Which boot of the machine this is; "" where the kernel does not say. 0; -EMFILE, -ENFILE: there is no descriptor to ask with. */
int store_file_boot(char boot[IMAGE_BOOT_SIZE]);

/* A root block of a file in use. */
void store_file_root_init(struct image_root *root, const char boot[IMAGE_BOOT_SIZE]);

/* What the first `size` bytes of a file are, and whether a store of this configuration can go on with it. has_tables: beside it. */
enum store_image store_file_judge(const struct image_root *root, size_t size,
                                  const char boot[IMAGE_BOOT_SIZE], const struct store_config *config,
                                  bool has_tables);

/* --- the file --- */

/*
 * Fills in a root block of a file in use, and writes it behind all else. The tables stay where they are with store->is_shared. 0, or
 * -errno: then the store is whole again, and the file not to be trusted. All workers have left.
 */
int image_save(struct store *store, struct image_root *root, uint64_t now_ns);

/* What image_save has moved comes back; the root is written, as of a file in use. */
void image_resume(struct store *store, struct image_root *root);

/*
 * Where each section is, and how large: of the tables none with store->is_shared. Segments, prefixes and the note have memory of their
 * own: the caller's.
 */
void image_parts_find(const struct store *store, const struct image_root *root,
                      struct image_part parts[IMAGE_SECTIONS_COUNT]);

/* Fills all parts. False: a size or a checksum is wrong, or the file was cut. `keeps`: the sections stay in the file. */
bool image_parts_read(const struct store *store, const struct image_part parts[IMAGE_SECTIONS_COUNT],
                      const struct image_root *root, bool keeps);

/* The sections are gone from the file. */
void image_drop(struct store *store);

/* Writes a root block. 0, -errno. */
int image_root_write(int fd, const struct image_root *root);

#endif

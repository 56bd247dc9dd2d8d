/* SPDX-License-Identifier: MIT
 *
 * arena: the store's memory: one range of addresses, given out in segments, and the account of what is in use.
 *
 *      base
 *      | slot 0 | slot 1 | ... | slot n - 1 | windows of 2^k | windows of 2^(k+1) | ... |
 *        segments of one size                 segments of one large item each
 *
 * The range is reserved at the start and costs nothing; memory comes with the first use of a page and goes back
 * by punching holes (arena_ready.h). Slots are all of one size; an item larger than a quarter of that has a window
 * to itself, whose address never changes. There are as many windows of each size as the limit could fill, so
 * that finding room is a matter of memory only, never of gaps.
 *
 *      used = slots in use or ready + large segments + index + all else that is charged <= limit
 *
 * A location names an item in 32 bits: below large_first it is the item's offset in steps (4 bytes; 8 with a
 * limit of more than 7 GiB, 16 with more than 14, and so on), above it the number of a window. 0 is no item: a segment's first
 * step is left free.
 *
 * Numbers: each segment takes as many as it has steps, from one sequence, when it is opened; an item's number is
 * that of its place. So numbers order segments by their opening, and no item stores one without need.
 *
 * Locks: `lock` guards what the comment says; held for a few stores, in a few cases for a look at a few hundred
 * descriptors, never while memory is touched. Everything else is atomic or constant.
 */
#ifndef RIPOSTE_STORE_ARENA_H
#define RIPOSTE_STORE_ARENA_H

#include <assert.h>
#include <pthread.h>
#include <stdalign.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "item.h"
#include "poison.h"

#define ARENA_OVERCOMMIT_FILE "/proc/sys/vm/overcommit_memory"

enum {
    SEGMENT_NONE = UINT32_MAX,   /* no segment; no link */
    SEGMENT_UNUSED = UINT32_MAX, /* segment.used of one that is still open */
    ARENA_STEP_SHIFT_MIN = 2,
    ARENA_STEP_MIN = 1 << ARENA_STEP_SHIFT_MIN, /* bytes: what an item, and so its words, are aligned to */
    ARENA_SEGMENT_SHIFT_MIN = 12,
    ARENA_SEGMENT_SHIFT_MAX = 20,
    ARENA_PAGE_SIZE = 4096,
    ARENA_LARGE_PAGE_SIZE = 2 * 1024 * 1024, /* of x86-64, and of arm64 with pages of 4 KiB */
    ARENA_CLASSES_MAX = 24,
    ARENA_LIMIT_RAISE_MAX = 4, /* the limit can be raised so far: addresses are reserved for it; */
    ARENA_LIMIT_RAISE_MIN = 2, /* at least so far */
    ARENA_MOVES_SLOTS = 2,     /* kept for eviction, which must copy to make room */
    ARENA_FILE_OFFSET =
        2 * 1024 * 1024, /* where the range begins in its file: on a large page, see image.h */
};

/* What the range is laid out for. The same plan always makes the same range. */
struct arena_plan {
    size_t limit, limit_max; /* bytes; it can be raised so far */
    size_t item_size_max;    /* bytes */
    unsigned segment_shift;  /* log2 of a slot's size; 0: by the limit and the number of workers */
    unsigned workers_max;    /* for that */
    int fd;                  /* of the file for its memory, borrowed for the call; -1: a memfd of its own */
};

/* What a segment is for; also which of a worker's open ones. */
enum segment_queue { QUEUE_SMALL, QUEUE_MAIN, QUEUES_COUNT };

enum segment_state {
    SEGMENT_FREE,
    SEGMENT_OPEN,       /* a worker appends to it */
    SEGMENT_UNFINISHED, /* its one large item is not stored yet */
    SEGMENT_QUEUED,     /* in its queue */
    SEGMENT_SWEPT,      /* in its queue; one worker looks for expired items */
    SEGMENT_EMPTIED,    /* out of its queue; one worker takes out what is in it */
    SEGMENT_RETIRED,    /* nothing in it is in the index; waits for readers */
};

/* A descriptor. Not in the segment itself, so that a look at many costs few cache misses. */
struct segment {
    alignas(64) char *memory; /* set with the first use, then constant */
    struct arena *arena;      /* as above */
    uint64_t retired_epoch;   /* of whoever retired it */
    _Atomic uint32_t dead;    /* bytes of items no longer in the index; written by whoever takes one out */
    _Atomic uint32_t used;    /* bytes of items; SEGMENT_UNUSED while open. Written by closing */
    _Atomic uint32_t pins;    /* replies that send from here, and unfinished items */
    _Atomic uint32_t expires_first; /* no item expires before; UINT32_MAX: none does */
    _Atomic uint32_t expires_last;  /* all will have expired then; UINT32_MAX: some never do */
    uint32_t sweep_tick;            /* not swept again before; of the sweeping worker */
    uint32_t size;                  /* bytes charged; since it was taken */
    uint32_t next, previous;        /* in a queue, under the lock; or in a list, of the list's owner */
    _Atomic uint8_t state;          /* enum segment_state; under the lock, or the owner's as the state says */
    _Atomic uint8_t queue;          /* enum segment_queue; where it is or will be */
    bool is_large;
};
static_assert(sizeof(struct segment) == 64, "a descriptor is one line");

/* Windows of one size. */
struct arena_class {
    size_t offset;        /* of the first, from base */
    unsigned shift;       /* log2 of the size */
    uint32_t first;       /* segment number of the first */
    uint32_t count;       /* constant */
    uint32_t taken;       /* windows 0 to n - 1 have been used; under the lock */
    uint32_t free_first;  /* list of free ones without memory; under the lock */
    uint32_t ready_first; /* of free ones that kept theirs, the last given first; under the lock */
};

struct arena_list {
    uint32_t first, last; /* SEGMENT_NONE when empty */
    uint64_t size;        /* bytes of segments */
};

struct arena {
    /* What every look-up reads: constant, but for a flush. */
    alignas(64) char *base;
    struct segment *segments;
    _Atomic uint64_t *numbers; /* of each segment's first step, where no item is; written when it is opened */
    uint32_t large_first;      /* locations from here on are windows */
    uint32_t slots_count;
    _Atomic uint64_t
        flush_number;      /* items of segments opened before are gone; written under the lock, by a flush */
    uint32_t unit_mask;    /* steps of a slot, less one */
    uint32_t step_mask;    /* bytes of a step, less one */
    uint8_t step_shift;    /* log2 of a step */
    uint8_t segment_shift; /* log2 of a slot's size */
    uint8_t unit_shift;    /* log2 of the steps of a slot */
    uint8_t classes_count;

    /* Constant, less often read. */
    size_t mapped_size, slots_size, table_size;
    uint32_t segments_count;         /* slots and windows */
    size_t limit_max, item_size_max; /* of the plan */
    int memory_fd;                   /* of the file or memfd; -1: anonymous */
    bool reserves_room;              /* before memory is used for the first time: see arena_memory_reserve */
    struct arena_class classes[ARENA_CLASSES_MAX];

    /* Under the lock. */
    alignas(64) pthread_mutex_t lock;
    uint32_t ready_first;         /* free slots with memory: see arena_ready.h, as for the next three */
    uint64_t ready_low_size;      /* the least of ready_size since ready_low_ns */
    uint64_t ready_low_ns;        /* monotonic */
    uint64_t ready_low_size_last; /* the least in the time before that */
    uint32_t bare_first;          /* free slots without */
    uint32_t slots_taken;         /* slots 0 to n - 1 have been used */
    uint32_t scan_next;           /* see candidate.h */
    struct arena_list queues[QUEUES_COUNT];
    bool is_short; /* the limit has sunk, and has not risen again to what is wanted */

    /* Written under the lock (but the limits: see arena_set_limit), read by anyone. */
    alignas(64) _Atomic uint64_t used; /* bytes charged */
    _Atomic uint64_t limit;
    _Atomic uint64_t
        limit_wanted;           /* what the limit is but where its memory has no room (arena_look_for_room) */
    _Atomic uint64_t looked_ns; /* when room was looked for last; monotonic */
    _Atomic uint64_t ready_size;         /* bytes of free slots and windows with memory */
    _Atomic uint64_t windows_ready_size; /* of windows alone */
    _Atomic uint64_t wanted;             /* bytes that the index needs to grow */
    _Atomic uint64_t sequence;           /* the number given out last */
    _Atomic uint64_t open_size;          /* bytes of open segments, for the statistics */
    _Atomic int64_t coming_size;         /* bytes of segments being emptied or retired: free soon */
    _Atomic uint64_t pinned_size;        /* of retired segments that replies still send from */
    _Atomic uint32_t scan_rounds;        /* how often scan_next has come round */
    _Atomic uint64_t pins_size;          /* bytes of segments with pins: see store_pin */
    _Atomic uint64_t unpins_count;       /* how often the last pin of a segment has ended */
};

/*
 * Reserves the addresses, for a limit of up to limit_max bytes, and opens the account with the descriptors
 * charged. 0, -ENOMEM; with a file -errno: it cannot be made as long as that.
 */
int arena_init(struct arena *arena, const struct arena_plan *plan);

/* Nothing is in use any more. */
void arena_destroy(struct arena *arena);

/* Charges `size` bytes for something else; takes memory of ready slots where there is no other. */
bool arena_charge(struct arena *arena, size_t size);

/* The same where it must be there, whatever the limit: few bytes. */
void arena_charge_anyway(struct arena *arena, size_t size);
void arena_uncharge(struct arena *arena, size_t size);

/*
 * A free slot or a window for `size` bytes, with a number and in the given state; SEGMENT_NONE where the limit
 * has no room. `spare_slots` more slots must be free.
 */
uint32_t arena_take_slot(struct arena *arena, unsigned spare_slots);
uint32_t arena_take_window(struct arena *arena, size_t size);

/*
 * Free again. Its memory goes back with arena_ready_trim; a window keeps it, for the next large item, while all of them keep no
 * more than a part in ARENA_WINDOWS_READY_SHARE of the limit: whoever appends to a large value needs one window after the
 * other, and new memory costs several times what the copy does.
 */
void arena_give(struct arena *arena, uint32_t index);

/* The next segment number that was ever in use, from `index` on; SEGMENT_NONE behind the last. Under the lock. */
uint32_t arena_scan(const struct arena *arena, uint32_t index);

/* A block of numbers for items that need one of their own: the first of `count`. */
uint64_t arena_draw_numbers(struct arena *arena, uint64_t count);

/* Bytes that should be free for the next stores. */
size_t arena_reserve(const struct arena *arena);

/* What it is to be from now on. Without the lock: a worker that lowers it meanwhile for want of room finds that out once more. */
void arena_set_limit(struct arena *arena, size_t limit);

/*
 * Where it is short, at most once a second: takes a slot's memory in advance, and where it gets that the limit rises by a sixteenth of what is
 * wanted. While there is no room nothing changes, so that nobody who stores something finds that out.
 */
void arena_look_for_room(struct arena *arena, uint64_t now_ns);

/* Bytes that may be taken now; negative above a lowered limit. */
int64_t arena_headroom(const struct arena *arena);

/* To whole units: pages, large pages. */
static inline size_t arena_round_up(size_t size, size_t unit) {
    return (size + unit - 1) / unit * unit;
}

/* A level of the account. relaxed: whoever reads one without the lock wants a rough idea. */
static inline uint64_t arena_level(const _Atomic uint64_t *level) {
    return atomic_load_explicit(level, memory_order_relaxed);
}

/* The levels are written under the lock. */
static inline void arena_level_add(_Atomic uint64_t *level, uint64_t size) {
    atomic_store_explicit(level, arena_level(level) + size, memory_order_relaxed);
}

static inline void arena_level_subtract(_Atomic uint64_t *level, uint64_t size) {
    assert(arena_level(level) >= size);
    atomic_store_explicit(level, arena_level(level) - size, memory_order_relaxed);
}

/* The limit is lower than what is wanted, since memory for more was refused. */
static inline bool arena_is_short(const struct arena *arena) {
    return arena_level(&arena->limit) < arena_level(&arena->limit_wanted);
}

/* What is coming is known to all workers, and changed by each without the lock; relaxed as above. */
static inline int64_t arena_coming(const struct arena *arena) {
    return atomic_load_explicit(&arena->coming_size, memory_order_relaxed);
}

static inline void arena_coming_add(struct arena *arena, int64_t size) {
    atomic_fetch_add_explicit(&arena->coming_size, size, memory_order_relaxed);
}

static inline size_t arena_segment_size(const struct arena *arena) {
    return (size_t)1 << arena->segment_shift;
}

static inline size_t arena_round(const struct arena *arena, size_t size) {
    return (size + arena->step_mask) & ~(size_t)arena->step_mask;
}

/* Bytes of the arena that an item takes. */
static inline size_t arena_item_size(const struct arena *arena, const struct item *item) {
    return arena_round(arena, item_size(item));
}

/* Whether an item of so many bytes has a window to itself. */
static inline bool arena_is_large(const struct arena *arena, size_t size) {
    return size > arena_segment_size(arena) / 4;
}

/* Number of the segment that holds a location. */
static inline uint32_t arena_segment_of(const struct arena *arena, uint32_t location) {
    return likely(location < arena->large_first) ? location >> arena->unit_shift
                                                 : arena->slots_count + (location - arena->large_first);
}

static inline struct item *arena_item(const struct arena *arena, uint32_t location) {
    if (likely(location < arena->large_first)) {
        return (struct item *)(void *)(arena->base + ((size_t)location << arena->step_shift));
    }
    return (struct item *)(void *)arena->segments[arena_segment_of(arena, location)].memory;
}

/* Where a location points to. */
struct arena_spot {
    struct item *item;
    uint32_t segment;
    uint32_t step; /* of the item in its segment; its number is the segment's and so many more */
};

static inline struct arena_spot arena_spot_of(const struct arena *arena, uint32_t location) {
    if (likely(location < arena->large_first)) {
        return (struct arena_spot){
            .item = (struct item *)(void *)(arena->base + ((size_t)location << arena->step_shift)),
            .segment = location >> arena->unit_shift,
            .step = location & arena->unit_mask,
        };
    }
    uint32_t segment = arena->slots_count + (location - arena->large_first);
    return (struct arena_spot){
        .item = (struct item *)(void *)arena->segments[segment].memory, .segment = segment, .step = 1};
}

/* Number before that of the segment's first item: no item stands in its first step. */
static inline uint64_t arena_number(const struct arena *arena, uint32_t segment) {
    /* relaxed: written before the segment's items are published. */
    return atomic_load_explicit(&arena->numbers[segment], memory_order_relaxed);
}

/* Number of a place. */
static inline uint64_t arena_place_number(const struct arena *arena, uint32_t location) {
    struct arena_spot spot = arena_spot_of(arena, location);
    return arena_number(arena, spot.segment) + spot.step;
}

/* Whether a number was ever given out here: a client may have chosen any other. */
static inline bool arena_has_drawn(const struct arena *arena, uint64_t number) {
    /* relaxed: whoever has met the number in an item was ordered behind its drawing by the item's publication. */
    return number <= atomic_load_explicit(&arena->sequence, memory_order_relaxed);
}

/* The location of a large item. */
uint32_t arena_location_of_large(const struct arena *arena, const struct item *item);

/* Where an item of the arena stands. */
static inline uint32_t arena_location_of(const struct arena *arena, const struct item *item) {
    size_t offset = (size_t)((const char *)item - arena->base);
    return likely(offset < (size_t)arena->large_first << arena->step_shift)
               ? (uint32_t)(offset >> arena->step_shift)
               : arena_location_of_large(arena, item);
}

/* At the beginning of a chain of free segments. Under the lock. */
static inline void arena_link_first(struct arena *arena, uint32_t *first, uint32_t index) {
    arena->segments[index].next = *first;
    *first = index;
}

/* A chain's beginning, taken out, or SEGMENT_NONE. Under the lock. */
static inline uint32_t arena_unlink_first(struct arena *arena, uint32_t *first) {
    uint32_t index = *first;
    if (index != SEGMENT_NONE) {
        *first = arena->segments[index].next;
    }
    return index;
}

/* At the list's end. Which thread may change a list is said where it is declared. */
static inline void arena_list_push(struct arena *arena, struct arena_list *list, uint32_t index) {
    arena->segments[index].next = SEGMENT_NONE;
    if (list->last == SEGMENT_NONE) {
        list->first = index;
    } else {
        arena->segments[list->last].next = index;
    }
    list->last = index;
    list->size += arena->segments[index].size;
}

/* A list's beginning, taken out, or SEGMENT_NONE. */
static inline uint32_t arena_list_pop(struct arena *arena, struct arena_list *list) {
    uint32_t index = list->first;
    if (index != SEGMENT_NONE) {
        list->first = arena->segments[index].next;
        list->size -= arena->segments[index].size;
        if (list->first == SEGMENT_NONE) {
            list->last = SEGMENT_NONE;
        }
    }
    return index;
}

/*
 * --- arena_memory.c: how the memory is laid out, and the file behind it ---
 */

/*
 * How far a limit can be raised later: to four times itself, or less, but not less than twice, where locations
 * would have to go in larger steps.
 */
size_t arena_memory_limit_max(size_t limit);

/* Lays the range of an arena out that has none yet: sizes, slots, windows. */
void arena_memory_lay_out(const struct arena_plan *plan, struct arena *arena);

/* A descriptor of its own for the memory, made long enough: of the plan's file, else of a memfd. Or -1 and errno. */
int arena_memory_open(const struct arena *arena, const struct arena_plan *plan);

/* Makes a file of memory at least so long; never shorter. 0, or -1 and errno: EFBIG beyond the limit of files (RLIMIT_FSIZE). */
int arena_memory_lengthen(int fd, off_t size);

/*
 * Whether the system promises no more memory than it has (vm.overcommit_memory is 2): a page of a memfd may be refused
 * then. `path`: ARENA_OVERCOMMIT_FILE.
 */
bool arena_memory_is_strict(const char *path);

/*
 * Whether there is room for memory that is about to be used for the first time: a page for which a full file system or
 * a strict system has none would kill the process (SIGBUS). If not, the limit sinks to what is in use, and eviction sees
 * to the rest, until there is room again (arena_look_for_room). Elsewhere a memfd's pages come with their first use: the system kills before it refuses one. Under the
 * lock, which is let go meanwhile.
 */
bool arena_memory_reserve(struct arena *arena, const char *memory, size_t size);

/* The same, and nothing sinks. */
bool arena_memory_has_room(struct arena *arena, const char *memory, size_t size);

/* The limit rises by `more` above what is in use, up to what is wanted. Under the lock. */
void arena_memory_found_room(struct arena *arena, size_t more);

/* Gives memory of the arena back to the system. Without the lock: it takes some microseconds. */
void arena_memory_drop(const struct arena *arena, const char *memory, size_t size);

/* The same of memory that is nobody else's and in no file: of an arena without one, of tables without one. */
void arena_memory_drop_private(void *memory, size_t size);

/*
 * A segment that another process has left in the file is in use here: its memory, size, kind and charge are set. False:
 * there is no such segment, it was taken already, or its size is none. Before there are workers.
 */
bool arena_memory_adopt(struct arena *arena, uint32_t index, size_t size);

/* After the last of these: all segments between them are free. */
void arena_memory_adopted(struct arena *arena);

static inline void arena_lock(struct arena *arena) {
    pthread_mutex_lock(&arena->lock);
}

static inline void arena_unlock(struct arena *arena) {
    pthread_mutex_unlock(&arena->lock);
}

#endif

/* SPDX-License-Identifier: MIT
 *
 * hotkeys: estimates how often keys are asked for, from a sample, in sketches of fixed size. A worker's sketches have a lock, which its thread takes for one request in 64
 * and finds free but when somebody asks.
 */
#include "riposte/hotkeys.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "riposte/check.h"
#include "riposte/clock.h"
#include "riposte/random.h"

enum { CACHE_LINE_SIZE = 64 };

struct entry {
    uint64_t hash;   /* of the key */
    uint64_t count;  /* samples, those of the keys it displaced included; 0: free */
    uint64_t writes; /* of its own samples */
    size_t key_size;
    char key[HOTKEYS_KEY_SIZE_MAX];
};

struct sketch {
    uint64_t begin_ns;     /* when its first sample could come; 0: it covers nothing */
    uint64_t end_ns;       /* of the one before: when it ended */
    uint64_t lowest_count; /* no entry has less */
    unsigned lowest_next;  /* every entry before this one has more */
    uint32_t tags
        [HOTKEYS_ENTRIES_COUNT]; /* the lower halves of the hashes: four cache lines, where the entries are 288 */
    struct entry entries[HOTKEYS_ENTRIES_COUNT];
};

struct part {
    struct hotkeys_worker worker; /* first: the parts are found by it */
    struct random random;
    pthread_mutex_t lock; /* of the sketches */
    struct sketch *now;
    struct sketch *before;
    struct sketch sketches[2];
} __attribute__((aligned(CACHE_LINE_SIZE)));

struct hotkeys {
    unsigned parts_count;
    struct part *parts; /* owned; mapped, so that entries without a key take no memory */
};

/* 1 to 2 * HOTKEYS_SAMPLE_PERIOD - 1, each as likely. */
static uint32_t distance_draw(struct random *random) {
    return 1 + (uint32_t)random_below(random, 2 * HOTKEYS_SAMPLE_PERIOD - 1);
}

struct hotkeys *hotkeys_create(unsigned workers_max) {
    struct hotkeys *hotkeys = calloc(1, sizeof(*hotkeys));
    if (hotkeys == NULL) {
        return NULL;
    }
    hotkeys->parts_count = workers_max;
    /* NORESERVE: most of it may never be touched, and need not be promised. */
    hotkeys->parts = mmap(NULL, workers_max * sizeof(struct part), PROT_READ | PROT_WRITE,
                          MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (hotkeys->parts == MAP_FAILED) {
        free(hotkeys);
        return NULL;
    }
    for (unsigned i = 0; i < workers_max; i++) {
        struct part *part = &hotkeys->parts[i];
        pthread_mutex_init(&part->lock, NULL);
        part->random.state = random_seed();
        part->worker.left = distance_draw(&part->random);
        part->now = &part->sketches[0];
        part->before = &part->sketches[1];
        part->now->begin_ns = clock_monotonic_ns();
    }
    return hotkeys;
}

void hotkeys_destroy(struct hotkeys *hotkeys) {
    if (hotkeys == NULL) {
        return;
    }
    for (unsigned i = 0; i < hotkeys->parts_count; i++) {
        pthread_mutex_destroy(&hotkeys->parts[i].lock);
    }
    munmap(hotkeys->parts, hotkeys->parts_count * sizeof(struct part));
    free(hotkeys);
}

struct hotkeys_worker *hotkeys_worker(struct hotkeys *hotkeys, unsigned worker_index) {
    return &hotkeys->parts[worker_index].worker;
}

/* --- counting --------------------------------------------------------------------------------------------------- */

/* The window is over: what it counted is kept for another, what the one before counted is forgotten. */
static void part_turn(struct part *part, uint64_t now_ns) {
    if (now_ns - part->now->begin_ns < HOTKEYS_WINDOW_S * CLOCK_NS_PER_S) {
        return;
    }
    struct sketch *oldest = part->before;
    /* Nothing was asked for long: the window that is over says nothing of the time since. */
    bool is_stale = now_ns - part->now->begin_ns >= HOTKEYS_WINDOW_S * CLOCK_NS_PER_S * 2;
    part->before = part->now;
    part->before->end_ns = now_ns;
    if (is_stale) {
        memset(part->before, 0, sizeof(*part->before));
    }
    memset(oldest, 0, sizeof(*oldest));
    oldest->begin_ns = now_ns;
    part->now = oldest;
}

/* The key's entry; NULL when it has none. */
static struct entry *entry_look(struct sketch *sketch, uint64_t hash, struct bytes key) {
#ifndef __clang__ /* with sanitizers it cannot, and warns */
#pragma GCC unroll 8
#endif
    for (unsigned i = 0; i < HOTKEYS_ENTRIES_COUNT; i++) {
        struct entry *entry = &sketch->entries[i];
        if (unlikely(sketch->tags[i] == (uint32_t)hash) && entry->hash == hash &&
            bytes_equal(bytes_of(entry->key, entry->key_size), key)) {
            return entry;
        }
    }
    return NULL;
}

/*
 * The first entry of those with the lowest count. Counts only grow, and the one that is returned grows now: so the next look
 * goes on behind it, and all are looked at no more than once for each step of the lowest count.
 */
static unsigned entry_lowest(struct sketch *sketch) {
    for (; sketch->lowest_next < HOTKEYS_ENTRIES_COUNT; sketch->lowest_next++) {
        if (sketch->entries[sketch->lowest_next].count == sketch->lowest_count) {
            return sketch->lowest_next;
        }
    }
    sketch->lowest_next = 0;
    for (unsigned i = 1; i < HOTKEYS_ENTRIES_COUNT; i++) {
        bool is_lower = sketch->entries[i].count < sketch->entries[sketch->lowest_next].count;
        sketch->lowest_next = is_lower ? i : sketch->lowest_next;
    }
    sketch->lowest_count = sketch->entries[sketch->lowest_next].count;
    return sketch->lowest_next;
}

/* The key takes the place, and the count, of another. */
static struct entry *entry_displace(struct sketch *sketch, uint64_t hash, struct bytes key) {
    unsigned i = entry_lowest(sketch);
    struct entry *entry = &sketch->entries[i];
    sketch->tags[i] = (uint32_t)hash;
    entry->hash = hash;
    entry->writes = 0;
    entry->key_size = key.size;
    memcpy(entry->key, key.data, key.size);
    return entry;
}

void hotkeys_sample(struct hotkeys_worker *worker, struct bytes key, bool writes) {
    struct part *part = (struct part *)(void *)worker;
    worker->left = distance_draw(&part->random);
    if (key.size == 0 || key.size > HOTKEYS_KEY_SIZE_MAX) {
        return;
    }
    uint64_t hash = XXH3_64bits(key.data, key.size);
    pthread_mutex_lock(&part->lock);
    part_turn(part, clock_monotonic_ns());
    struct entry *entry = entry_look(part->now, hash, key);
    entry = entry != NULL ? entry : entry_displace(part->now, hash, key);
    entry->count++;
    entry->writes += writes;
    pthread_mutex_unlock(&part->lock);
}

/* --- asking ------------------------------------------------------------------------------------------------------ */

/* A row of each entry of all sketches, then of each key. */
struct sums {
    unsigned count;
    struct sum {
        double reads;
        double writes;
        uint64_t hash;
        size_t key_size;
        char key[HOTKEYS_KEY_SIZE_MAX];
    } rows[];
};

static void sums_add(struct sums *sums, const struct entry *entry, double per_sample) {
    struct sum *sum = &sums->rows[sums->count++];
    *sum = (struct sum){.reads = (double)(entry->count - entry->writes) * per_sample,
                        .writes = (double)entry->writes * per_sample,
                        .hash = entry->hash,
                        .key_size = entry->key_size};
    memcpy(sum->key, entry->key, entry->key_size);
}

static int compare_keys(const void *left, const void *right) {
    const struct sum *one = left;
    const struct sum *other = right;
    if (one->hash != other->hash) {
        return one->hash < other->hash ? -1 : 1;
    }
    if (one->key_size != other->key_size) {
        return one->key_size < other->key_size ? -1 : 1;
    }
    return memcmp(one->key, other->key, one->key_size);
}

/* One row of each key. By sorting: there may be hundreds of sketches, and who asks is a worker. */
static void sums_merge(struct sums *sums) {
    unsigned count = 0;
    qsort(sums->rows, sums->count, sizeof(struct sum), compare_keys);
    for (unsigned i = 0; i < sums->count; i++) {
        if (count > 0 && compare_keys(&sums->rows[count - 1], &sums->rows[i]) == 0) {
            sums->rows[count - 1].reads += sums->rows[i].reads;
            sums->rows[count - 1].writes += sums->rows[i].writes;
        } else {
            sums->rows[count++] = sums->rows[i];
        }
    }
    sums->count = count;
}

static void sums_add_part(struct sums *sums, struct part *part) {
    pthread_mutex_lock(&part->lock);
    uint64_t now_ns = clock_monotonic_ns();
    part_turn(part, now_ns);
    uint64_t begin_ns = part->before->begin_ns != 0 ? part->before->begin_ns : part->now->begin_ns;
    double seconds = (double)(now_ns - begin_ns) / (double)CLOCK_NS_PER_S;
    double per_sample = HOTKEYS_SAMPLE_PERIOD / (seconds > 1 ? seconds : 1);
    for (unsigned i = 0; i < HOTKEYS_ENTRIES_COUNT; i++) {
        if (part->now->entries[i].count > 0) {
            sums_add(sums, &part->now->entries[i], per_sample);
        }
        if (part->before->entries[i].count > 0) {
            sums_add(sums, &part->before->entries[i], per_sample);
        }
    }
    pthread_mutex_unlock(&part->lock);
}

static int compare_rates(const void *left, const void *right) {
    const struct sum *one = left;
    const struct sum *other = right;
    double difference = (other->reads + other->writes) - (one->reads + one->writes);
    return difference > 0 ? 1 : difference < 0 ? -1 : 0;
}

unsigned hotkeys_top(struct hotkeys *hotkeys, struct hotkey *rows, unsigned count_max) {
    unsigned capacity = hotkeys->parts_count * 2 * HOTKEYS_ENTRIES_COUNT;
    struct sums *sums = malloc(sizeof(*sums) + capacity * sizeof(struct sum));
    if (sums == NULL) {
        return 0;
    }
    sums->count = 0;
    for (unsigned i = 0; i < hotkeys->parts_count; i++) {
        sums_add_part(sums, &hotkeys->parts[i]);
    }
    sums_merge(sums);
    qsort(sums->rows, sums->count, sizeof(struct sum), compare_rates);
    unsigned count = sums->count < count_max ? sums->count : count_max;
    for (unsigned i = 0; i < count; i++) {
        const struct sum *sum = &sums->rows[i];
        rows[i] = (struct hotkey){
            .reads_per_s = sum->reads, .writes_per_s = sum->writes, .key_size = sum->key_size};
        memcpy(rows[i].key, sum->key, sum->key_size);
    }
    free(sums);
    return count;
}

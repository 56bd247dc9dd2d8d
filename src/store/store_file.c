/* SPDX-License-Identifier: MIT
 *
 * store_file: a store in a file: judges what the file has, then makes a store from it, or an empty one. See
 * riposte/store_file.h and image.h.
 */
#include "riposte/store_file.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "evict.h"
#include "image.h"
#include "index.h"

enum { TRIM_TURNS_MAX = 100000 };

/* --- the root block --------------------------------------------------------------------------------------- */

static const char magic[IMAGE_MAGIC_SIZE] = "riposte memory";

void store_file_boot(char boot[IMAGE_BOOT_SIZE]) {
    memset(boot, 0, IMAGE_BOOT_SIZE);
    int fd = open("/proc/sys/kernel/random/boot_id", O_RDONLY | O_CLOEXEC);
    if (fd >= 0) {
        ssize_t size = read(fd, boot, IMAGE_BOOT_SIZE - 1);
        close(fd);
        boot[size < 0 ? 0 : size] = '\0';
    }
}

void store_file_root_init(struct image_root *root, const char boot[IMAGE_BOOT_SIZE]) {
    memset(root, 0, sizeof(*root));
    memcpy(root->magic, magic, sizeof(magic));
    memcpy(root->boot, boot, IMAGE_BOOT_SIZE);
    root->version = IMAGE_VERSION;
    root->state = IMAGE_IN_USE;
}

/* What can be said without a look at a section; what does not hold would be a wrong size of one. */
static bool sizes_are_right(const struct image_root *root) {
    uint64_t homes_max = root->limit_max / 2 / BUCKET_SIZE;
    return root->segment_shift >= ARENA_SEGMENT_SHIFT_MIN && root->segment_shift <= ARENA_SEGMENT_SHIFT_MAX &&
           root->limit >= STORE_MEMORY_SIZE_MIN && root->limit <= root->limit_max &&
           root->limit_max / ARENA_LIMIT_RAISE_MAX <= root->limit && root->item_size_max <= root->limit_max &&
           root->homes_min >= UINT64_C(1) << INDEX_POWER_MIN &&
           (root->homes_min & (root->homes_min - 1)) == 0 && root->homes_count >= root->homes_min &&
           (root->homes_count <= homes_max || root->homes_count == root->homes_min) &&
           root->overflow_taken <= BUCKET_OVERFLOW_MAX && root->overflow_free <= root->overflow_taken &&
           root->sections[IMAGE_HOMES].size == root->homes_count * BUCKET_SIZE;
}

/* Room for the index and a few segments, as store_memory_limit_set wants it. */
static bool limit_fits(const struct image_root *root, size_t limit) {
    size_t index_size = root->sections[IMAGE_HOMES].size + root->sections[IMAGE_OVERFLOW].size;
    size_t least = index_size + limit / 16 + ((size_t)4 * ARENA_MOVES_SLOTS << root->segment_shift);
    size_t most = root->limit_max >> root->segment_shift << root->segment_shift;
    return limit >= least && limit <= most;
}

enum store_image store_file_judge(const struct image_root *root, size_t size,
                                  const char boot[IMAGE_BOOT_SIZE], const struct store_config *config) {
    if (size == 0) {
        return STORE_IMAGE_NONE;
    }
    if (size < IMAGE_MAGIC_SIZE || memcmp(root->magic, magic, sizeof(magic)) != 0) {
        return STORE_IMAGE_FOREIGN;
    }
    if (size < sizeof(*root)) {
        return STORE_IMAGE_DAMAGED;
    }
    if (root->version != IMAGE_VERSION) {
        return STORE_IMAGE_VERSION;
    }
    if (root->state == IMAGE_IN_USE) {
        return STORE_IMAGE_UNCLEAN;
    }
    if (root->state != IMAGE_COMPLETE || root->checksum != image_root_checksum(root) ||
        !sizes_are_right(root)) {
        return STORE_IMAGE_DAMAGED;
    }
    if (boot[0] == '\0' || memcmp(root->boot, boot, IMAGE_BOOT_SIZE) != 0) {
        return STORE_IMAGE_BOOT;
    }
    if (config->item_size_max > root->item_size_max) {
        return STORE_IMAGE_ITEM_SIZE;
    }
    return limit_fits(root, config->memory_size_max) ? STORE_IMAGE_TAKEN : STORE_IMAGE_LIMIT;
}

/* --- from a file ------------------------------------------------------------------------------------------ */

/* The root block; *size is what there is of it. 0, -errno. */
static int root_read(int fd, struct image_root *root, size_t *size) {
    ssize_t done;
    do {
        done = pread(fd, root, sizeof(*root), 0);
    } while (done < 0 && errno == EINTR);
    *size = done < 0 ? 0 : (size_t)done;
    return done < 0 ? -errno : 0;
}

/* From here on nobody trusts the file. Then all that was in it goes, where nothing of it is wanted. */
static int file_begin(int fd, const char boot[IMAGE_BOOT_SIZE], bool wanted) {
    struct image_root root;
    store_file_root_init(&root, boot);
    if (!wanted && ftruncate(fd, 0) < 0) {
        return -errno;
    }
    return image_root_write(fd, &root);
}

/* Eviction until the limit, which may be a lower one now, has its reserve again. */
static bool contents_fit(struct store_worker *worker, size_t limit, bool keeps, uint64_t now_ns) {
    const struct arena *arena = &worker->store->arena;
    if (!store_memory_limit_set(worker, limit)) {
        return false;
    }
    for (unsigned i = 0;
         !keeps && i < TRIM_TURNS_MAX && arena_headroom(arena) < (int64_t)arena_reserve(arena); i++) {
        store_quiescent(worker, now_ns);
    }
    /* What is kept is evicted once it is settled, as after any lower limit. */
    return keeps || arena_headroom(arena) >= 0;
}

/* The counters that say what there is are those of a worker that has stored it. */
static int contents_settle(struct store *store, const struct image_root *root, size_t limit, bool keeps,
                           uint64_t now_ns) {
    struct store_worker *worker = store_worker_join(store, now_ns);
    if (worker == NULL) {
        return -ENOMEM;
    }
    counter_add(&worker->counters.items_added, root->items_count);
    counter_add(&worker->items_size_added, root->items_size);
    bool fits = contents_fit(worker, limit, keeps, now_ns);
    store_worker_leave(worker);
    return fits ? 0 : -ENOSPC;
}

static int store_take(const struct store_config *config, const struct image_root *root, int fd, bool keeps,
                      uint64_t now_ns, struct store **created) {
    struct store_config as_it_was = *config;
    as_it_was.memory_size_max = root->limit;
    as_it_was.hash_seed = root->hash_seed;
    as_it_was.index_power_min = (unsigned)__builtin_ctzl(root->homes_min);
    const struct store_shape shape = {.fd = fd,
                                      .limit_max = root->limit_max,
                                      .item_size_max = root->item_size_max,
                                      .segment_shift = (unsigned)root->segment_shift};
    int status = store_make(&as_it_was, &shape, created);
    if (status < 0) {
        return status;
    }
    status = image_take(*created, root, keeps, now_ns)
                 ? contents_settle(*created, root, config->memory_size_max, keeps, now_ns)
                 : -EBADMSG;
    if (status < 0) {
        (*created)->is_moved = true;
        store_destroy(*created);
    }
    return status;
}

static int store_begin(const struct store_config *config, int fd, const char boot[IMAGE_BOOT_SIZE],
                       struct store **created) {
    int status = file_begin(fd, boot, false);
    return status < 0 ? status : store_make(config, &(struct store_shape){.fd = fd}, created);
}

int store_file_create(const struct store_config *config, int fd, bool keeps, uint64_t now_ns,
                      enum store_image *image, struct store **created) {
    struct image_root root;
    char boot[IMAGE_BOOT_SIZE];
    size_t size;
    *image = STORE_IMAGE_NONE;
    if (!store_config_is_valid(config)) {
        return -EINVAL;
    }
    int status = root_read(fd, &root, &size);
    if (status < 0) {
        return status;
    }
    store_file_boot(boot);
    *image = store_file_judge(&root, size, boot, config);
    if (*image == STORE_IMAGE_FOREIGN || (keeps && *image != STORE_IMAGE_TAKEN)) {
        return -EEXIST;
    }
    if (*image == STORE_IMAGE_TAKEN) {
        /* What is kept may still be taken back: only who has settled it writes there. */
        status = keeps ? 0 : file_begin(fd, boot, true);
        if (status == 0) {
            status = store_take(config, &root, fd, keeps, now_ns, created);
        }
        if (status == 0) {
            return 0;
        }
        *image = status == -ENOSPC ? STORE_IMAGE_LIMIT : STORE_IMAGE_DAMAGED;
        if (keeps) {
            return -EEXIST;
        }
    }
    return store_begin(config, fd, boot, created);
}

/* --- into a file ------------------------------------------------------------------------------------------ */

int store_file_save(struct store *store, uint64_t now_ns) {
    struct image_root root;
    char boot[IMAGE_BOOT_SIZE];
    store_file_boot(boot);
    store_file_root_init(&root, boot);
    int status = image_save(store, &root, now_ns);
    store->is_moved = status == 0;
    return status;
}

void store_file_resume(struct store *store) {
    struct image_root root;
    char boot[IMAGE_BOOT_SIZE];
    store_file_boot(boot);
    store_file_root_init(&root, boot);
    image_resume(store, &root);
    store->is_moved = false;
}

void store_file_settle(struct store *store) {
    struct image_root root;
    char boot[IMAGE_BOOT_SIZE];
    store_file_boot(boot);
    store_file_root_init(&root, boot);
    int status = store->arena.memory_fd < 0 ? 0 : image_root_write(store->arena.memory_fd, &root);
    assert(status == 0); /* the page is there, or nothing is in the way of one in memory */
    image_drop(store);
}

int store_file_fd(const struct store *store) {
    return store->arena.memory_fd;
}

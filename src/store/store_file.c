/* SPDX-License-Identifier: MIT
 *
 * store_file: a store in a file: made empty, or from what the file has. See riposte/store_file.h and image.h.
 */
#include "riposte/store_file.h"

#include <errno.h>
#include <sys/stat.h>
#include <unistd.h>

#include "evict.h"
#include "image.h"
#include "index.h"

enum { TRIM_TURNS_MAX = 100000 };

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
    image_root_init(&root, boot);
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
    image_boot(boot);
    *image = image_judge(&root, size, boot, config);
    if (*image == STORE_IMAGE_FOREIGN || (keeps && *image != STORE_IMAGE_TAKEN)) {
        return -EEXIST;
    }
    if (*image == STORE_IMAGE_TAKEN) {
        status = file_begin(fd, boot, true);
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

int store_file_save(struct store *store, uint64_t now_ns) {
    int status = image_save(store, now_ns);
    store->is_moved = status == 0;
    return status;
}

void store_file_resume(struct store *store) {
    image_resume(store);
    store->is_moved = false;
}

void store_file_settle(struct store *store) {
    image_drop(store);
}

int store_file_fd(const struct store *store) {
    return store->arena.memory_fd;
}

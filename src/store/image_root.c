/* SPDX-License-Identifier: MIT
 *
 * image_root: the root block of an image: made, sealed and judged. See image.h.
 */
#include <fcntl.h>
#include <unistd.h>

#include "image.h"
#include "index.h"

static const char magic[IMAGE_MAGIC_SIZE] = "riposte memory";

void image_boot(char boot[IMAGE_BOOT_SIZE]) {
    memset(boot, 0, IMAGE_BOOT_SIZE);
    int fd = open("/proc/sys/kernel/random/boot_id", O_RDONLY | O_CLOEXEC);
    if (fd >= 0) {
        ssize_t size = read(fd, boot, IMAGE_BOOT_SIZE - 1);
        close(fd);
        boot[size < 0 ? 0 : size] = '\0';
    }
}

static uint64_t root_checksum(const struct image_root *root) {
    return XXH3_64bits(root, offsetof(struct image_root, checksum));
}

void image_root_init(struct image_root *root, const char boot[IMAGE_BOOT_SIZE]) {
    memset(root, 0, sizeof(*root));
    memcpy(root->magic, magic, sizeof(magic));
    memcpy(root->boot, boot, IMAGE_BOOT_SIZE);
    root->version = IMAGE_VERSION;
    root->state = IMAGE_IN_USE;
}

void image_root_seal(struct image_root *root) {
    root->checksum = root_checksum(root);
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

enum store_image image_judge(const struct image_root *root, size_t size, const char boot[IMAGE_BOOT_SIZE],
                             const struct store_config *config) {
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
    if (root->state != IMAGE_COMPLETE || root->checksum != root_checksum(root) || !sizes_are_right(root)) {
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

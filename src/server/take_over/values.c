/* SPDX-License-Identifier: MIT
 *
 * values: between engine and store, what is sent from the one by the other. See values.h.
 */
#include "values.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "riposte/store.h"
#include "riposte/store_file.h"

static bool shared_offset(void *user, struct bytes bytes, uint64_t *offset) {
    return store_file_offset(user, bytes, offset);
}

struct engine_shared values_shared(struct store *store) {
    return (struct engine_shared){.offset_of = shared_offset, .release = store_unpin, .user = store};
}

static enum engine_adoption value_pin(void *user, uint64_t offset, size_t size, struct bytes *bytes,
                                      void **owner) {
    const struct values_source *source = user;
    *owner = store_file_pin(source->store, offset, size, bytes);
    return *owner == NULL ? ENGINE_ADOPT_BAD : ENGINE_ADOPTED;
}

/* False: the file has not so many. */
static bool read_all(int fd, char *to, size_t size, uint64_t offset) {
    for (size_t done = 0; done < size;) {
        ssize_t got = pread(fd, to + done, size - done, (off_t)(offset + done));
        if (got < 0 && errno == EINTR) {
            continue;
        }
        if (got <= 0) {
            return false;
        }
        done += (size_t)got;
    }
    return true;
}

static enum engine_adoption value_copy(void *user, uint64_t offset, size_t size, struct bytes *bytes,
                                       void **owner) {
    struct values_source *source = user;
    if (offset > INT64_MAX - size) {
        return ENGINE_ADOPT_BAD;
    }
    char *copy = size > source->copies_size_max - source->copied_size ? NULL : malloc(size);
    if (copy == NULL) {
        return ENGINE_ADOPT_NO_MEMORY;
    }
    if (!read_all(source->file_fd, copy, size, offset)) {
        free(copy);
        return ENGINE_ADOPT_BAD;
    }
    source->copied_size += size;
    *bytes = bytes_of(copy, size);
    *owner = copy;
    return ENGINE_ADOPTED;
}

enum engine_adoption values_take(struct values_source *source, struct engine *engine) {
    bool has_store = source->store != NULL;
    const struct engine_values values = {
        .pin = has_store ? value_pin : value_copy, .release = has_store ? store_unpin : free, .user = source};
    return engine_pin_values(engine, &values, &source->lost_count);
}

/* SPDX-License-Identifier: MIT
 *
 * freeze_output: takes what is unsent apart, piece by piece. See freeze_output.h.
 */
#include "freeze_output.h"

#include <assert.h>
#include <fcntl.h>
#include <sys/uio.h>
#include <unistd.h>

#include "conn_record.h"
#include "engine_state.h"
#include "memory.h"
#include "riposte/engine_move.h"

enum { FREEZE_VALUE_SIZE = 24 + sizeof(struct frozen_pin) }; /* of one, in the record and beside it */

/* The file that goes next, which is the only one (reply_send_file): as a descriptor. */
static bool freeze_file(struct reply *reply, struct freeze_output *output) {
    size_t size;
    const struct reply_file *file = reply_first_file(reply, &output->file_offset, &size);
    assert(output->file_fd < 0);
    output->file_fd = fcntl(file->fd, F_DUPFD_CLOEXEC, 0);
    output->file_size = size;
    reply_sent(reply, size);
    return output->file_fd >= 0;
}

/* The bytes that go next. */
static bool freeze_copy(struct worker *worker, struct reply *reply, struct freeze_output *output) {
    struct iovec piece;
    size_t size;
    unsigned count = reply_iov(reply, &piece, 1, &size);
    struct record_writer *to = output->file_fd < 0 ? &output->before : &output->behind;
    char *room = memory_take_frozen(worker, size) ? record_reserve(to, size) : NULL;
    if (room == NULL || count == 0) {
        return false;
    }
    memcpy(room, piece.iov_base, size);
    reply_sent(reply, size);
    return true;
}

/* The pinned bytes that go next, where both engines have them: the pin is the frozen connection's. False: they are to be copied. */
static bool freeze_value(struct worker *worker, struct reply *reply, struct freeze_output *output,
                         struct frozen_conn *frozen) {
    const struct engine_shared *shared = worker->engine->shared;
    struct reply_pinned pinned;
    uint64_t offset;
    if (shared == NULL || !reply_first_pinned(reply, &pinned) || pinned.release != shared->release ||
        !shared->offset_of(shared->user, pinned.bytes, &offset) ||
        !memory_take_frozen(worker, FREEZE_VALUE_SIZE) ||
        !frozen_pin_add(frozen, (struct frozen_pin){pinned.bytes, pinned.owner})) {
        return false;
    }
    frozen->release = shared->release;
    frozen->values_count++;
    conn_record_put_value(&output->values, output->position, offset, pinned.bytes.size);
    reply_take_pinned(reply);
    return true;
}

/* What the kernel sends from there is known as a value, or not at all: nobody would keep it in place. */
static bool freeze_may_copy(const struct worker *worker, const struct reply *reply,
                            const struct freeze_output *output) {
    struct reply_pinned pinned;
    return output->sent_size == 0 || !reply_first_pinned(reply, &pinned) ||
           pinned.release != worker->engine->shared->release;
}

bool freeze_output(struct worker *worker, struct reply *reply, struct freeze_output *output,
                   struct frozen_conn *frozen) {
    bool good = true;
    while (good && reply->unsent_size > 0) {
        uint64_t offset;
        size_t size, before_size = reply->unsent_size;
        if (reply_first_file(reply, &offset, &size) != NULL) {
            good = freeze_file(reply, output);
        } else if (!freeze_value(worker, reply, output, frozen)) {
            good = freeze_may_copy(worker, reply, output) && freeze_copy(worker, reply, output);
        }
        output->position += before_size - reply->unsent_size;
    }
    return good && !output->values.broken;
}

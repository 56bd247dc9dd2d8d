/* SPDX-License-Identifier: MIT
 *
 * connections: packs batches, and takes them apart. See connections.h.
 */
#include "connections.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "records.h"
#include "riposte/record.h"

enum { BATCH_SIZE = 1024 * 1024 /* bytes of records, or one that is longer */ };

/* --- sending ---------------------------------------------------------------------------------------------- */

struct batch {
    int channel_fd, memory_fd;
    uint64_t deadline_ns;
    uint64_t offset; /* in the memory, of the batch */
    struct record_writer records;
    unsigned records_count;
    int fds[MESSAGE_FDS_MAX];
    unsigned fds_count;
    int result; /* 0, or the first -errno */
};

static void batch_send(struct batch *batch) {
    struct message message = {.kind = MESSAGE_CONNECTIONS,
                              .connections = {.records_count = batch->records_count,
                                              .fds_count = batch->fds_count,
                                              .offset = batch->offset,
                                              .size = batch->records.size}};
    if (batch->records_count == 0 || batch->result < 0) {
        return;
    }
    batch->result = batch->records.broken ? -ENOMEM
                                          : records_write(batch->memory_fd, batch->records.data,
                                                          batch->records.size, batch->offset);
    if (batch->result == 0) {
        batch->result =
            channel_send(batch->channel_fd, &message, batch->fds, batch->fds_count, batch->deadline_ns);
    }
    batch->offset += batch->records.size;
    batch->records_count = batch->fds_count = 0;
    batch->records.size = 0;
}

static bool batch_add(void *user, const struct engine_moved *moved) {
    struct batch *batch = user;
    bool has_file = moved->file_fd >= 0;
    if (batch->fds_count + 2 > MESSAGE_FDS_MAX || batch->records.size > BATCH_SIZE) {
        batch_send(batch);
    }
    record_put_u8(&batch->records, has_file);
    record_put_bytes(&batch->records, moved->record);
    batch->records_count++;
    batch->fds[batch->fds_count++] = moved->fd;
    if (has_file) {
        batch->fds[batch->fds_count++] = moved->file_fd;
    }
    return batch->result == 0;
}

int connections_send(const struct engine *engine, int channel_fd, int memory_fd, uint64_t deadline_ns) {
    struct batch batch = {.channel_fd = channel_fd, .memory_fd = memory_fd, .deadline_ns = deadline_ns};
    engine_export(engine, batch_add, &batch);
    batch_send(&batch);
    record_discard(&batch.records);
    return batch.result;
}

/* --- taking ----------------------------------------------------------------------------------------------- */

/* By turns; where one worker has no slot left, the next one may have. */
static enum engine_adoption engine_take(struct engine *engine, const struct engine_moved *moved,
                                        struct connections_taken *taken) {
    unsigned workers_count = engine_workers_count(engine);
    enum engine_adoption adoption = ENGINE_ADOPT_FULL;
    for (unsigned tries = 0; tries < workers_count && adoption == ENGINE_ADOPT_FULL; tries++) {
        adoption = engine_adopt(engine, taken->worker_index, moved);
        taken->worker_index = (taken->worker_index + 1) % workers_count;
    }
    return adoption;
}

/* The next of a batch. 0; -EPROTO. */
static int connection_take(struct engine *engine, struct record_reader *reader, struct channel_fds *fds,
                           unsigned *fd_at, struct connections_taken *taken) {
    bool has_file = record_get_bool(reader);
    struct engine_moved moved = {.file_fd = -1, .record = record_get_bytes(reader, UINT32_MAX)};
    if (reader->bad || *fd_at + 1U + has_file > fds->count) {
        return -EPROTO;
    }
    int *own = &fds->fds[*fd_at];
    moved.fd = own[0];
    moved.file_fd = has_file ? own[1] : -1;
    *fd_at += 1U + has_file;
    enum engine_adoption adoption = engine_take(engine, &moved, taken);
    if (adoption == ENGINE_ADOPTED) {
        own[0] = -1;
        own[has_file] = -1;
        taken->count++;
    } else {
        taken->lost_count++;
        taken->reason = adoption;
    }
    return adoption == ENGINE_ADOPT_BAD ? -EPROTO : 0;
}

static void fds_close_left(struct channel_fds *fds) {
    for (unsigned i = 0; i < fds->count; i++) {
        if (fds->fds[i] >= 0) {
            close(fds->fds[i]);
        }
    }
    fds->count = 0;
}

int connections_take(struct engine *engine, int memory_fd, const struct message_connections *message,
                     struct channel_fds *fds, struct connections_taken *taken) {
    unsigned fd_at = 0;
    int result = -EPROTO;
    char *bytes = fds->count == message->fds_count
                      ? records_read(memory_fd, message->offset, message->size, &result)
                      : NULL;
    if (bytes != NULL) {
        struct record_reader reader = record_read(bytes_of(bytes, message->size));
        for (unsigned i = 0; i < message->records_count && result == 0; i++) {
            result = connection_take(engine, &reader, fds, &fd_at, taken);
        }
        if (result == 0 && (!record_ended(&reader) || fd_at != fds->count)) {
            result = -EPROTO;
        }
        free(bytes);
    }
    fds_close_left(fds);
    return result;
}

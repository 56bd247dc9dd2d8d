/* SPDX-License-Identifier: MIT
 *
 * files: from a path to a file, or a compressed one beside it, and the answer.
 */
#include "files.h"

#include <stdio.h>

#include "parse/accept.h"
#include "answer.h"
#include "parse/condition.h"
#include "parse/date.h"
#include "file_cache.h"
#include "parse/range.h"
#include "riposte/check.h"
#include "riposte/clock.h"
#include "parse/text.h"

enum { FIELDS_SIZE_MAX = 256, SUFFIX_SIZE_MAX = 12 };

/* What is to be sent, and what is said of it. */
struct found {
    struct http_file *file; /* taken */
    struct bytes type;
    struct bytes coding; /* size 0: none */
    bool varies;         /* another client may get another coding */
    bool waits;          /* whether there is one is asked of a disk */
};

/* --- paths ---------------------------------------------------------------------------------------------------- */

/* A decoded path without the slash in front. */
struct path {
    char text[HTTP_FILE_PATH_SIZE_MAX];
    size_t size;
};

/* True when no part of it is empty or begins with a point; the last may be empty. */
static bool parts_are_served(struct bytes path) {
    while (path.size > 0) {
        const char *slash = memchr(path.data, '/', path.size);
        size_t size = slash != NULL ? (size_t)(slash - path.data) : path.size;
        struct bytes part = bytes_of(path.data, size);
        if (size == 0 || (part.data[0] == '.' && !bytes_equal_string(part, ".well-known"))) {
            return false;
        }
        size += slash != NULL;
        path = bytes_of(path.data + size, path.size - size);
    }
    return true;
}

/* An encoded slash would be another path for whoever stands before this server. */
static bool has_encoded_slash(struct bytes path) {
    for (size_t i = 0; i + 2 < path.size; i++) {
        if (path.data[i] == '%' && path.data[i + 1] == '2' && (path.data[i + 2] | 0x20) == 'f') {
            return true;
        }
    }
    return false;
}

/* NONE, or why there can be no such file. Room is left for a suffix. */
static enum http_status path_read(struct bytes target, struct path *path) {
    struct bytes behind_slash = bytes_of(target.data + 1, target.size - 1);
    if (!http_percent_decode(behind_slash, path->text, sizeof(path->text) - SUFFIX_SIZE_MAX, &path->size)) {
        return HTTP_STATUS_BAD_REQUEST;
    }
    if (path->size > 0 && memchr(path->text, '\0', path->size) != NULL) {
        return HTTP_STATUS_BAD_REQUEST;
    }
    bool served = parts_are_served(bytes_of(path->text, path->size)) && !has_encoded_slash(target);
    return served ? HTTP_STATUS_NONE : HTTP_STATUS_NOT_FOUND;
}

static void path_add(struct path *path, const char *suffix) {
    size_t size = strlen(suffix);
    assert(size <= sizeof(path->text) - path->size);
    memcpy(path->text + path->size, suffix, size);
    path->size += size;
}

/* --- the answer ----------------------------------------------------------------------------------------------- */

/* What a file says that was written in the future is not believed: it was changed now (RFC 9110 section 8.8.2.1). */
static bool is_of_future(const struct http_call *call, const struct http_file *file) {
    return file->date_at > 0 && (uint64_t)file->modified_s > call->worker->unix_s;
}

static struct http_validator validator_of(const struct http_call *call, const struct http_file *file) {
    uint64_t now_s = call->worker->unix_s;
    return (struct http_validator){
        .exists = true,
        .etag = file->tag,
        .has_modified = file->date_at > 0,
        .modified_s = unlikely(is_of_future(call, file)) ? now_s : (uint64_t)file->modified_s,
        .now_unix_s = now_s,
    };
}

/* Lines of every answer with this file. */
static size_t fields_write(const struct http_call *call, const struct found *found,
                           char fields[FIELDS_SIZE_MAX]) {
    static const char vary[] = "Vary: Accept-Encoding\r\n";
    const struct http_file *file = found->file;
    memcpy(fields, file->fields, file->fields_size);
    if (unlikely(is_of_future(call, file))) {
        http_date_write(fields + file->date_at, call->worker->unix_s);
    }
    if (!found->varies) {
        return file->fields_size;
    }
    memcpy(fields + file->fields_size, vary, sizeof(vary) - 1);
    return file->fields_size + sizeof(vary) - 1;
}

/* Head and `size` bytes from `at`; the file is given back when they are sent. */
static void answer_part(struct http_call *call, const struct http_request *request, const struct found *found,
                        struct http_answer *answer, uint64_t at, uint64_t size) {
    struct http_file *file = found->file;
    size_t head_size;
    answer->size = size;
    http_answer_head(call, &request->exchange, answer, 0, &head_size);
    reply_commit(call->reply, head_size);
    if (request->exchange.head_only || size == 0) {
        http_file_return(file);
    } else if (file->data == NULL) {
        reply_send_file(call->reply, &file->sent, at, (size_t)size);
    } else {
        reply_pin(call->reply, bytes_of(file->data + at, (size_t)size), http_file_return, file);
    }
    http_answer_end(call, &request->exchange, answer->status);
}

static void answer_range(struct http_call *call, const struct http_request *request,
                         const struct found *found, struct http_answer *answer, char fields[FIELDS_SIZE_MAX],
                         size_t fields_size) {
    uint64_t whole = found->file->identity.size;
    struct http_range range;
    switch (http_range_read(http_head_find(request->head, HTTP_RANGE), whole, &range)) {
    case HTTP_RANGE_WHOLE:
        answer_part(call, request, found, answer, 0, whole);
        return;
    case HTTP_RANGE_UNSATISFIABLE:
        http_file_return(found->file);
        snprintf(fields, FIELDS_SIZE_MAX, "Content-Range: bytes */%llu\r\n", (unsigned long long)whole);
        http_answer_page(call, &request->exchange, HTTP_STATUS_RANGE_NOT_SATISFIABLE,
                         "the file has no such bytes", fields);
        return;
    case HTTP_RANGE_PART:
        break;
    }
    int added = snprintf(fields + fields_size, FIELDS_SIZE_MAX - fields_size,
                         "Content-Range: bytes %llu-%llu/%llu\r\n", (unsigned long long)range.first,
                         (unsigned long long)(range.first + range.size - 1), (unsigned long long)whole);
    answer->status = HTTP_STATUS_PARTIAL_CONTENT;
    answer->fields = bytes_of(fields, fields_size + (size_t)added);
    answer_part(call, request, found, answer, range.first, range.size);
}

/* Gives the file back, now or when it is sent. */
static void answer_found(struct http_call *call, const struct http_request *request,
                         const struct found *found) {
    char fields[FIELDS_SIZE_MAX];
    struct http_validator validator = validator_of(call, found->file);
    size_t fields_size = fields_write(call, found, fields);
    struct http_answer answer = {
        .status = HTTP_STATUS_OK,
        .type = found->type,
        .coding = found->coding,
        .fields = bytes_of(fields, fields_size),
    };
    enum http_condition condition = http_condition_check(request->head, &validator);
    if (condition == HTTP_CONDITION_NOT_MODIFIED) {
        answer.status = HTTP_STATUS_NOT_MODIFIED;
        answer.type.size = 0;
        answer.coding.size = 0;
        http_file_return(found->file);
        http_answer_send(call, &request->exchange, &answer, bytes_of(NULL, 0));
    } else if (condition == HTTP_CONDITION_FALSE) {
        http_file_return(found->file);
        http_answer_page(call, &request->exchange, HTTP_STATUS_PRECONDITION_FAILED,
                         "the file is not what the condition asks for", "");
    } else if (request->head->method == HTTP_GET && http_head_has_one(request->head, HTTP_RANGE) &&
               http_condition_range(request->head, &validator)) {
        answer_range(call, request, found, &answer, fields, fields_size);
    } else {
        answer_part(call, request, found, &answer, 0, found->file->identity.size);
    }
}

/* --- look-up -------------------------------------------------------------------------------------------------- */

/*
 * Whether the sibling can hold what the file holds: it was not made before it. By the second, as not every copy keeps more of the
 * time, and what makes a sibling gives it the time of its file.
 */
static bool sibling_is_new(const struct http_file *sibling, const struct http_file *file) {
    return sibling->modified_s >= file->modified_s;
}

/* Takes the sibling with that suffix instead, where the client takes its coding. True when it is there at all. */
static bool sibling_take(struct http_call *call, const struct http_request *request, struct path *path,
                         const char *suffix, const char *coding, struct found *found) {
    struct http_file *sibling;
    size_t size = path->size;
    path_add(path, suffix);
    enum http_file_outcome outcome = http_file_take(
        call->worker->service->files, bytes_of(path->text, path->size), call->now_ns, true, &sibling);
    path->size = size;
    found->waits |= outcome == HTTP_FILE_WAIT;
    if (outcome != HTTP_FILE_OK) {
        return false;
    }
    if (found->coding.size == 0 && http_accept_coding(request->head, coding) &&
        sibling_is_new(sibling, found->file)) {
        http_file_return(found->file);
        found->file = sibling;
        found->coding = bytes_from_string(coding);
    } else {
        http_file_return(sibling);
    }
    return true;
}

/* Where the path is a folder: 301 to the same with a slash, as the client wrote it. */
static void answer_moved(struct http_call *call, const struct http_request *request) {
    char fields[HTTP_ANSWER_FIELDS_SIZE_MAX];
    struct bytes path = request->target.path;
    struct bytes query = request->target.query;
    int size = snprintf(fields, sizeof(fields), "Location: %.*s/%s%.*s\r\n", (int)path.size, path.data,
                        query.size > 0 ? "?" : "", (int)query.size, query.data);
    if (size >= (int)sizeof(fields)) {
        http_answer_page(call, &request->exchange, HTTP_STATUS_NOT_FOUND,
                         "a folder, and too long a name for one", "");
        return;
    }
    http_answer_page(call, &request->exchange, HTTP_STATUS_MOVED_PERMANENTLY,
                     "a folder's name ends in a slash", fields);
}

/* The request comes again a moment later, unless its time is over. */
static void wait_for_disk(struct http_call *call, const struct http_request *request) {
    struct http_session *session = call->session;
    uint64_t allowed_ns = call->worker->service->config.timeout_ms * CLOCK_NS_PER_MS;
    if (session->waits_ns == 0) {
        session->waits_ns = call->now_ns;
        counter_add(&call->worker->counters.disk_waits, 1);
    }
    if (call->now_ns - session->waits_ns <= allowed_ns) {
        call->waits = true;
        return;
    }
    http_answer_page(call, &request->exchange, HTTP_STATUS_UNAVAILABLE, "the disk does not answer", "");
}

static void answer_missing(struct http_call *call, const struct http_request *request,
                           enum http_file_outcome outcome) {
    if (outcome == HTTP_FILE_NO_MEMORY) {
        http_answer_page(call, &request->exchange, HTTP_STATUS_UNAVAILABLE, "there is no memory for the file",
                         "");
    } else {
        http_answer_page(call, &request->exchange, HTTP_STATUS_NOT_FOUND, "there is nothing here", "");
    }
}

void http_files(struct http_call *call, const struct http_request *request) {
    struct path path;
    struct found found = {.coding = {NULL, 0}};
    enum http_status status = path_read(request->target.path, &path);
    if (status != HTTP_STATUS_NONE) {
        http_answer_page(call, &request->exchange, status, "there is no such name", "");
        return;
    }
    bool is_folder = path.size == 0 || path.text[path.size - 1] == '/';
    if (is_folder) {
        path_add(&path, "index.html");
    }
    enum http_file_outcome outcome = http_file_take(
        call->worker->service->files, bytes_of(path.text, path.size), call->now_ns, false, &found.file);
    if (outcome == HTTP_FILE_OK) {
        found.type = found.file->type; /* of the one that is asked for, not of its sibling */
        found.varies = sibling_take(call, request, &path, ".br", "br", &found);
        found.varies |= sibling_take(call, request, &path, ".gz", "gzip", &found);
        if (found.waits) {
            http_file_return(found.file);
            outcome = HTTP_FILE_WAIT;
        }
    }
    if (outcome == HTTP_FILE_WAIT) {
        wait_for_disk(call, request);
        return;
    }
    if (outcome == HTTP_FILE_DIRECTORY && !is_folder) {
        answer_moved(call, request);
    } else if (outcome != HTTP_FILE_OK) {
        answer_missing(call, request, outcome);
    } else {
        answer_found(call, request, &found);
    }
}

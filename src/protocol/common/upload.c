/* SPDX-License-Identifier: MIT
 *
 * upload: copies what comes to where it belongs and compares what comes behind it.
 */
#include "upload.h"

#include <assert.h>

void upload_init(struct upload *upload, char *value, size_t value_size, struct bytes end) {
    *upload = (struct upload){.value = value, .value_size = value_size, .end = end};
}

static size_t take_value(struct upload *upload, struct bytes input) {
    if (upload->received_size >= upload->value_size) {
        return 0;
    }
    size_t missing_size = upload->value_size - upload->received_size;
    size_t size = input.size < missing_size ? input.size : missing_size;
    if (size > 0) {
        memcpy(upload->value + upload->received_size, input.data, size);
        upload->received_size += size;
    }
    return size;
}

/*
 * A wrong byte in the end's place is remembered, not refused: what is sent has its size whatever it ends
 * with.
 */
static size_t take_end(struct upload *upload, struct bytes input) {
    size_t size = 0;
    while (size < input.size && upload->received_size >= upload->value_size && !upload_complete(upload)) {
        char expected = upload->end.data[upload->received_size - upload->value_size];
        upload->end_is_wrong |= input.data[size] != expected;
        upload->received_size++;
        size++;
    }
    return size;
}

size_t upload_take(struct upload *upload, struct bytes input) {
    size_t size = take_value(upload, input);
    size += take_end(upload, bytes_of(input.data + size, input.size - size));
    assert(upload->received_size <= upload->value_size + upload->end.size);
    return size;
}

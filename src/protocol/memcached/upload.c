/* SPDX-License-Identifier: MIT
 *
 * upload: see upload.h.
 */
#include "upload.h"

#include <assert.h>
#include <stdlib.h>

enum { LINE_END_SIZE = 2 };

/* Copies the part of the line that the answer needs and points the slices to the copy. */
static void text_keep(struct upload *upload, size_t text_size) {
    struct mc_put *put = &upload->put;
    if (text_size == 0) {
        return;
    }
    memcpy(upload->text, put->key_text.data, text_size);
    put->flags.data = upload->text + (put->flags.data - put->key_text.data);
    put->key_text.data = upload->text;
}

struct upload *upload_create(const struct mc_put *put, struct item *item, uint32_t value_size) {
    size_t text_size =
        put->key_text.size > 0 ? (size_t)(put->flags.data + put->flags.size - put->key_text.data) : 0;
    struct upload *upload = malloc(sizeof(*upload) + text_size);
    if (upload == NULL) {
        return NULL;
    }
    *upload = (struct upload){.put = *put, .item = item, .value_size = value_size};
    text_keep(upload, text_size);
    return upload;
}

void upload_destroy(struct upload *upload) {
    free(upload);
}

static size_t take_value(struct upload *upload, struct bytes input) {
    if (upload->received_size >= upload->value_size) {
        return 0;
    }
    size_t missing_size = upload->value_size - upload->received_size;
    size_t size = input.size < missing_size ? input.size : missing_size;
    if (size > 0) {
        memcpy(store_item_value(upload->item) + upload->received_size, input.data, size);
        upload->received_size += (uint32_t)size;
    }
    return size;
}

/*
 * A wrong byte in the line end's place is remembered, not stored: the block has its size whatever it ends
 * with.
 */
static size_t take_end(struct upload *upload, struct bytes input) {
    size_t size = 0;
    while (size < input.size && upload->received_size >= upload->value_size && !upload_complete(upload)) {
        char expected = "\r\n"[upload->received_size - upload->value_size];
        upload->end_is_wrong |= input.data[size] != expected;
        upload->received_size++;
        size++;
    }
    return size;
}

size_t upload_take(struct upload *upload, struct bytes input) {
    size_t size = take_value(upload, input);
    size += take_end(upload, bytes_of(input.data + size, input.size - size));
    assert(upload->received_size <= upload->value_size + LINE_END_SIZE);
    return size;
}

bool upload_complete(const struct upload *upload) {
    return upload->received_size == upload->value_size + LINE_END_SIZE;
}

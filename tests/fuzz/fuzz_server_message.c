/* SPDX-License-Identifier: MIT
 *
 * fuzz_server_message: a packet of a take-over, as anything that may connect could have sent it. The input is the kind in two bytes and
 * the fields; the head before them is made, else nothing would come past it. What is read can be written, and is read again as it was.
 */
#include <assert.h>
#include <stdint.h>
#include <string.h>

#include "message.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { KIND_OFFSET = 6, SIZE_OFFSET = 8, HEAD_SIZE = 12, KIND_SIZE = HEAD_SIZE - 10 };

/* The head of a message without fields, with that kind and size. */
static size_t packet_make(const uint8_t *data, size_t size, char packet[MESSAGE_SIZE_MAX]) {
    const struct message offered = {.kind = MESSAGE_OFFERED};
    size_t head_size = message_write(&offered, packet);
    assert(head_size == HEAD_SIZE);
    uint32_t packet_size = (uint32_t)(HEAD_SIZE + size - KIND_SIZE);
    memcpy(packet + KIND_OFFSET, data, KIND_SIZE);
    memcpy(packet + SIZE_OFFSET, &packet_size, sizeof(packet_size));
    memcpy(packet + HEAD_SIZE, data + KIND_SIZE, size - KIND_SIZE);
    return packet_size;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    char packet[MESSAGE_SIZE_MAX], again[MESSAGE_SIZE_MAX];
    struct message message, read;
    message_read(bytes_of((const char *)data, size), &message);
    if (size < KIND_SIZE || size - KIND_SIZE > MESSAGE_SIZE_MAX - HEAD_SIZE) {
        return 0;
    }
    size_t packet_size = packet_make(data, size, packet);
    memset(&message, 0, sizeof(message));
    memset(&read, 0, sizeof(read));
    if (message_read(bytes_of(packet, packet_size), &message) == MESSAGE_OK) {
        assert(message_name(message.kind) != NULL);
        size_t written = message_write(&message, again);
        assert(written == packet_size);
        assert(message_read(bytes_of(again, written), &read) == MESSAGE_OK);
        assert(memcmp(&read, &message, sizeof(read)) == 0);
    }
    return 0;
}

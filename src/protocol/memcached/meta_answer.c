/* SPDX-License-Identifier: MIT
 *
 * meta_answer: see meta_answer.h.
 */
#include "meta_answer.h"

#include "base64.h"
#include "answer.h"

char *meta_answer_ttl(char *at, uint32_t expires_tick, uint32_t now_tick) {
    if (expires_tick == STORE_EXPIRES_NEVER) {
        memcpy(at, "-1", 2);
        return at + 2;
    }
    return number_write(at, expires_tick > now_tick ? expires_tick - now_tick : 0);
}

char *meta_answer_key(char *at, struct bytes key, bool encode) {
    if (encode) {
        return base64_encode(at, key);
    }
    memcpy(at, key.data, key.size);
    return at + key.size;
}

static char *answer_key(char *at, const struct meta_answer *answer) {
    *at++ = 'k';
    at = meta_answer_key(at, answer->key, answer->key_is_binary && !answer->key_is_encoded);
    if (answer->key_is_binary) {
        memcpy(at, " b", 2);
        at += 2;
    }
    return at;
}

static char *answer_number(char *at, char letter, uint64_t number) {
    *at = letter;
    return number_write(at + 1, number);
}

/* One flag, behind its space. */
static char *answer_flag(char *at, struct bytes flag, uint32_t expires_tick,
                         const struct meta_answer *answer) {
    char letter = flag.data[0];
    switch (letter) {
    case 'O':
        memcpy(at, flag.data, flag.size);
        return at + flag.size;
    case 'k':
        return answer_key(at, answer);
    case 'c':
        return answer_number(at, letter, answer->cas);
    case 's':
        return answer_number(at, letter, answer->value_size);
    case 'f':
        return answer_number(at, letter, answer->client_flags);
    case 'h':
        return answer_number(at, letter, answer->fetched);
    case 'l':
        return answer_number(at, letter, answer->now_tick - answer->used_tick);
    default:
        *at = 't';
        return meta_answer_ttl(at + 1, expires_tick, answer->now_tick);
    }
}

char *meta_answer_flags(char *at, const struct bytes *flag, unsigned flags_count,
                        const struct meta_answer *answer) {
    uint32_t expires_tick = answer->expires_tick;
    for (unsigned i = 0; i < flags_count; i++) {
        char letter = flag[i].data[0];
        if ((answer->letters & META_LETTER(letter)) == 0) {
            continue;
        }
        if (letter == 'T') {
            expires_tick = answer->touch_expires_tick;
        } else if (letter == 'N') {
            expires_tick = answer->create_expires_tick;
        } else {
            *at++ = ' ';
            at = answer_flag(at, flag[i], expires_tick, answer);
        }
    }
    return at;
}

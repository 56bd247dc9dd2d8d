/* SPDX-License-Identifier: MIT
 *
 * cmd_compat: lru, slabs, lru_crawler: memcached's knobs for machinery that does not exist here. They are
 * accepted where scripts set them, with the errors that scripts expect; the listings of lru_crawler are real
 * (dump.h).
 */
#include "dump.h"
#include "number.h"
#include "tokens.h"

enum {
    CLASS_COUNT = 64, /* memcached's slab classes: 1 to 63 */
    CRAWLER_SLEEP_US_MAX = 1000000,
    LRU_PERCENT_MAX = 80, /* of hot and warm together */
    AUTOMOVE_MODE_MAX = 2,
    AUTOMOVE_WINDOW_MIN = 3,
    AUTOMOVE_WINDOW_MAX = 1800,
};

/* digits[.digits], with or without '-'; *positive is whether it is above 0. */
static bool factor_parse(struct bytes text, bool *positive) {
    bool negative = text.size > 0 && text.data[0] == '-';
    unsigned digits = 0;
    unsigned points = 0;
    bool zero = true;
    for (size_t i = negative; i < text.size; i++) {
        bool is_digit = text.data[i] >= '0' && text.data[i] <= '9';
        if (!is_digit && text.data[i] != '.') {
            return false;
        }
        digits += is_digit;
        points += !is_digit;
        zero = zero && (text.data[i] == '0' || text.data[i] == '.');
    }
    *positive = !negative && !zero;
    return digits > 0 && points <= 1;
}

/* lru tune <hot percent> <warm percent> <hot factor> <warm factor> */
static struct bytes lru_tune(const struct tokens *tokens) {
    uint32_t hot;
    uint32_t warm;
    bool hot_positive;
    bool warm_positive;
    if (tokens->count < 5 || !bytes_parse_u32(tokens->token[1], &hot) ||
        !bytes_parse_u32(tokens->token[2], &warm) || !factor_parse(tokens->token[3], &hot_positive) ||
        !factor_parse(tokens->token[4], &warm_positive)) {
        return answer_error(MC_ERROR_UNKNOWN);
    }
    if ((uint64_t)hot + warm > LRU_PERCENT_MAX) {
        return CALL_LINE("ERROR hot and warm pcts must not exceed 80");
    }
    if (!hot_positive || !warm_positive) {
        return CALL_LINE("ERROR hot/warm age factors must be greater than 0");
    }
    return CALL_LINE("OK");
}

static struct bytes lru_line(const struct tokens *tokens) {
    int32_t ttl;
    if (tokens_are(tokens, 0, "tune")) {
        return lru_tune(tokens);
    }
    bool good =
        (tokens_are(tokens, 0, "mode") &&
         (tokens_are(tokens, 1, "flat") || tokens_are(tokens, 1, "segmented"))) ||
        (tokens_are(tokens, 0, "temp_ttl") && tokens->count > 1 && number_parse_i32(tokens->token[1], &ttl));
    return good ? CALL_LINE("OK") : answer_error(MC_ERROR_UNKNOWN);
}

/* slabs automove window <n> */
static struct bytes automove_window(const struct tokens *tokens) {
    uint32_t window;
    if (tokens->count < 3 || !bytes_parse_u32(tokens->token[2], &window)) {
        return answer_error(MC_ERROR_FORMAT);
    }
    if (window < AUTOMOVE_WINDOW_MIN || window > AUTOMOVE_WINDOW_MAX) {
        return CALL_LINE("CLIENT_ERROR automove window too low or too high");
    }
    return CALL_LINE("OK");
}

static struct bytes slabs_automove(const struct tokens *tokens) {
    uint32_t mode;
    bool positive;
    if (tokens_are(tokens, 1, "ratio")) {
        bool good = tokens->count > 2 && factor_parse(tokens->token[2], &positive);
        return good ? CALL_LINE("OK") : answer_error(MC_ERROR_UNKNOWN);
    }
    if (tokens_are(tokens, 1, "window")) {
        return automove_window(tokens);
    }
    if (!bytes_parse_u32(tokens->token[1], &mode)) {
        return answer_error(MC_ERROR_FORMAT);
    }
    return mode > AUTOMOVE_MODE_MAX ? answer_error(MC_ERROR_UNKNOWN) : CALL_LINE("OK");
}

static struct bytes slabs_line(const struct tokens *tokens) {
    int32_t class;
    if (tokens_are(tokens, 0, "automove") && tokens->count > 1) {
        return slabs_automove(tokens);
    }
    if (!tokens_are(tokens, 0, "reassign") || tokens->count < 3) {
        return answer_error(MC_ERROR_UNKNOWN);
    }
    if (!number_parse_i32(tokens->token[1], &class) || !number_parse_i32(tokens->token[2], &class)) {
        return answer_error(MC_ERROR_FORMAT);
    }
    return CALL_LINE("CLIENT_ERROR slab reassignment disabled");
}

void cmd_lru(struct mc_call *call, const struct mc_request *request) {
    struct tokens tokens;
    tokens_split(&tokens, request->arguments);
    call_answer(call, request->noreply, lru_line(&tokens));
    call->requests++;
}

void cmd_slabs(struct mc_call *call, const struct mc_request *request) {
    struct tokens tokens;
    tokens_split(&tokens, request->arguments);
    call_answer(call, request->noreply, slabs_line(&tokens));
    call->requests++;
}

/* The number of a class, between commas. */
static bool class_parse(struct bytes text, uint32_t *class) {
    return bytes_parse_u32(text, class) && *class > 0 && *class < CLASS_COUNT;
}

/*
 * The classes of a listing: "all", "hash", or numbers between commas. False when one of them is none;
 * *has_items when ours is named.
 */
static bool classes_parse(struct bytes text, bool *has_items) {
    *has_items = bytes_equal_string(text, "all") || bytes_equal_string(text, "hash");
    if (*has_items) {
        return true;
    }
    for (;;) {
        uint32_t class;
        const char *comma = memchr(text.data, ',', text.size);
        size_t size = comma != NULL ? (size_t)(comma - text.data) : text.size;
        if (!class_parse(bytes_of(text.data, size), &class)) {
            return false;
        }
        *has_items = *has_items || class == ANSWER_ITEM_CLASS;
        if (comma == NULL) {
            return true;
        }
        text = bytes_of(comma + 1, text.size - size - 1);
    }
}

static bool crawler_disabled(const struct memcached_service *service) {
    /* relaxed: a switch to look at, nothing hangs on its order. */
    return atomic_load_explicit(&service->crawler_disabled, memory_order_relaxed);
}

static struct bytes crawler_crawl(struct mc_call *call, const struct tokens *tokens) {
    bool has_items;
    if (crawler_disabled(call->worker->service)) {
        return CALL_LINE("CLIENT_ERROR lru crawler disabled");
    }
    return classes_parse(tokens->token[1], &has_items) ? CALL_LINE("OK")
                                                       : CALL_LINE("BADCLASS invalid class id");
}

/* lru_crawler metadump, mgdump: begins the listing and returns nothing, or returns why not. */
static struct bytes crawler_dump(struct mc_call *call, const struct tokens *tokens, enum dump_kind kind) {
    bool has_items;
    const struct memcached_service *service = call->worker->service;
    if (!service->config.dump_enabled) {
        return kind == DUMP_META ? CALL_LINE("ERROR metadump not allowed")
                                 : CALL_LINE("ERROR key dump not allowed");
    }
    if (call->reply->unsent_size > 0) {
        return kind == DUMP_META ? CALL_LINE("ERROR cannot pipeline other commands before metadump")
                                 : CALL_LINE("ERROR cannot pipeline other commands before mgdump");
    }
    if (crawler_disabled(service)) {
        return CALL_LINE("CLIENT_ERROR lru crawler disabled");
    }
    if (!classes_parse(tokens->token[1], &has_items)) {
        return CALL_LINE("BADCLASS invalid class id");
    }
    dump_begin(call, kind, !has_items, UINT32_MAX, UINT32_MAX);
    if (call->session->state == MC_SESSION_DUMP) {
        reply_copy(call->reply, CALL_LINE("OK"));
    }
    return bytes_of(NULL, 0);
}

static struct bytes crawler_number(const struct tokens *tokens, uint32_t number_max, struct bytes above) {
    uint32_t number;
    if (!bytes_parse_u32(tokens->token[1], &number)) {
        return answer_error(MC_ERROR_FORMAT);
    }
    return number > number_max ? above : CALL_LINE("OK");
}

static struct bytes crawler_switch(struct mc_call *call, bool disabled) {
    /* relaxed: as in crawler_disabled. */
    atomic_store_explicit(&call->worker->service->crawler_disabled, disabled, memory_order_relaxed);
    return CALL_LINE("OK");
}

static struct bytes crawler_line(struct mc_call *call, const struct tokens *tokens) {
    if (tokens->count == 1 && tokens_are(tokens, 0, "enable")) {
        return crawler_switch(call, false);
    }
    if (tokens->count == 1 && tokens_are(tokens, 0, "disable")) {
        return crawler_switch(call, true);
    }
    if (tokens->count != 2) {
        return answer_error(MC_ERROR_UNKNOWN);
    }
    if (tokens_are(tokens, 0, "metadump")) {
        return crawler_dump(call, tokens, DUMP_META);
    }
    if (tokens_are(tokens, 0, "mgdump")) {
        return crawler_dump(call, tokens, DUMP_MG);
    }
    if (tokens_are(tokens, 0, "crawl")) {
        return crawler_crawl(call, tokens);
    }
    if (tokens_are(tokens, 0, "sleep")) {
        return crawler_number(tokens, CRAWLER_SLEEP_US_MAX,
                              CALL_LINE("CLIENT_ERROR sleep must be one second or less"));
    }
    return tokens_are(tokens, 0, "tocrawl") ? crawler_number(tokens, UINT32_MAX, CALL_LINE("OK"))
                                            : answer_error(MC_ERROR_UNKNOWN);
}

void cmd_lru_crawler(struct mc_call *call, const struct mc_request *request) {
    struct tokens tokens;
    tokens_split(&tokens, request->arguments);
    struct bytes line = crawler_line(call, &tokens);
    if (call->session->state != MC_SESSION_DUMP) {
        call->requests++;
        reply_copy(call->reply, line);
    }
}

/* SPDX-License-Identifier: MIT
 *
 * encryption: flags to a configuration, and a look a minute. See encryption.h.
 */
#include "encryption.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sysexits.h>

#include "riposte/clock.h"
#include "riposte/http.h"
#include "riposte/log.h"
#include "riposte/tls.h"
#include "signals.h"

enum {
    DEAR_KEY_US = 1000,      /* a turn of the engine: spoken of */
    SLOW_KEY_US = 500,       /* half of one: a thread beside the worker signs, so that others do not wait */
    SIGNATURE_WAIT_MS = 250, /* that thread gets no CPU: some 60 signatures with RSA of 4096 bits */
    LOOK_S = 60,
    DAY_S = 24 * 60 * 60,
    ENDS_SOON_DAYS = 14, /* of warning */
};

/* What a client without TLS is told, in the words of its protocol. */
static const char plain_memcached[] = "SERVER_ERROR this port speaks TLS\r\n";
static const char plain_http[] =
    "HTTP/1.1 400 Bad Request\r\nContent-Type: text/plain\r\nContent-Length: 27\r\n"
    "Connection: close\r\n\r\nThis port speaks TLS only.\n";

/* --- flags ------------------------------------------------------------------------------------------------ */

/* -o ssl_verify_mode, in memcached's numbers. `once` differs from 2 only where handshakes are repeated, which are not. */
static enum tls_verify verify_of(const struct options *options, const struct listen *listen) {
    static const enum tls_verify modes[] = {TLS_VERIFY_NONE, TLS_VERIFY_ASK, TLS_VERIFY_REQUIRE,
                                            TLS_VERIFY_REQUIRE};
    return listen->tls == LISTEN_TLS_MUTUAL ? TLS_VERIFY_REQUIRE : modes[options->ssl_verify_mode];
}

/* False: no listen speaks TLS. *verifies: one asks for certificates. */
static bool listens_fill(const struct options *options, const struct listen_list *list,
                         struct tls_listen listens[ENGINE_LISTENS_MAX], bool *verifies) {
    bool any = false;
    *verifies = false;
    for (unsigned i = 0; i < list->count; i++) {
        const struct listen *listen = &list->listens[i];
        bool is_http = listen->protocol->protocol == &http_protocol;
        listens[i] = (struct tls_listen){
            .used = listen->tls >= LISTEN_TLS_ON,
            .verify = verify_of(options, listen),
            .alpn = is_http ? "http/1.1" : NULL,
            .plain_text = is_http ? plain_http : plain_memcached,
        };
        any = any || listens[i].used;
        *verifies = *verifies || (listens[i].used && listens[i].verify != TLS_VERIFY_NONE);
    }
    return any;
}

static bool flags_fit(const struct options *options, bool verifies, struct failure *failure) {
    unsigned chains = options->ssl_chain_cert.count, keys = options->ssl_key.count;
    if (!tls_is_built()) {
        return failure_set(failure, EX_UNAVAILABLE, "-Z: this riposte was built without TLS (make TLS=no)");
    }
    if (chains == 0 || keys == 0 || chains != keys || chains > TLS_CERTIFICATES_MAX) {
        return failure_set(
            failure, EX_USAGE,
            "TLS needs -o ssl_chain_cert=FILE,ssl_key=FILE, 1 to %d of each in the same order; "
            "there are %u and %u",
            TLS_CERTIFICATES_MAX, chains, keys);
    }
    if (verifies && options->ssl_ca_cert == NULL) {
        return failure_set(failure, EX_USAGE,
                           "who may have signed the certificates of clients? -o ssl_ca_cert=FILE says so");
    }
    return true;
}

static void worker_wake(void *engine, unsigned worker_index) {
    engine_wake_worker(engine, worker_index);
}

bool encryption_open(struct encryption *encryption, const struct options *options,
                     const struct listen_list *listens, struct engine *engine, struct failure *failure) {
    struct tls_listen tls_listens[ENGINE_LISTENS_MAX];
    char message[TLS_MESSAGE_SIZE_MAX];
    bool verifies;
    *encryption = (struct encryption){.look_next_ns = clock_monotonic_ns() + LOOK_S * CLOCK_NS_PER_S,
                                      .requests.mutex = PTHREAD_MUTEX_INITIALIZER};
    if (!listens_fill(options, listens, tls_listens, &verifies)) {
        return true;
    }
    if (!flags_fit(options, verifies, failure)) {
        return false;
    }
    struct tls_config config = {
        .certificates_count = options->ssl_chain_cert.count,
        .ca_path = options->ssl_ca_cert,
        .ciphers = options->ssl_ciphers,
        .version_min = (enum tls_version)options->ssl_min_version,
        .tickets = options->ssl_session_cache,
        .listens = tls_listens,
        .listens_count = listens->count,
        .workers_max = options->threads > 0 ? options->threads : 1,
        .slow_signature_ns = SLOW_KEY_US * CLOCK_NS_PER_US,
        .signature_wait_ns_max = SIGNATURE_WAIT_MS * CLOCK_NS_PER_MS,
        .wake = worker_wake,
        .wake_user = engine,
    };
    for (unsigned i = 0; i < config.certificates_count; i++) {
        config.certificates[i] =
            (struct tls_certificate){options->ssl_chain_cert.texts[i], options->ssl_key.texts[i]};
    }
    int result = tls_create(&config, &encryption->tls, message);
    return result == 0 || failure_set(failure, result == -EINVAL ? EX_USAGE : EX_OSERR, "%s", message);
}

void encryption_close(struct encryption *encryption) {
    tls_destroy(encryption->tls);
    encryption->tls = NULL;
}

/* --- while the server runs -------------------------------------------------------------------------------- */

bool encryption_refresh(struct encryption *encryption, const char *why, char message[TLS_MESSAGE_SIZE_MAX]) {
    encryption->warn_next_ns = 0;
    encryption->key_judged = false;
    if (tls_refresh(encryption->tls, message) < 0) {
        log_line(LOG_LEVEL_WARNING, "%s: %s; the certificates that were read before stay", why, message);
        return false;
    }
    message[0] = '\0';
    log_line(LOG_LEVEL_INFO, "%s: certificates are read again", why);
    return true;
}

uint64_t encryption_ask(void *encryption) {
    struct encryption_requests *requests = &((struct encryption *)encryption)->requests;
    pthread_mutex_lock(&requests->mutex);
    uint64_t which = ++requests->asked;
    pthread_mutex_unlock(&requests->mutex);
    signals_request_refresh();
    return which;
}

bool encryption_answered(void *encryption, uint64_t which, char *refusal, size_t refusal_size) {
    struct encryption_requests *requests = &((struct encryption *)encryption)->requests;
    pthread_mutex_lock(&requests->mutex);
    bool ended = requests->ended >= which;
    snprintf(refusal, refusal_size, "%s", requests->refusal);
    pthread_mutex_unlock(&requests->mutex);
    return ended;
}

void encryption_serve_requests(struct encryption *encryption) {
    struct encryption_requests *requests = &encryption->requests;
    char message[TLS_MESSAGE_SIZE_MAX];
    if (encryption->tls == NULL) {
        return; /* a signal from outside */
    }
    pthread_mutex_lock(&requests->mutex);
    uint64_t asked = requests->asked;
    pthread_mutex_unlock(&requests->mutex);
    encryption_refresh(encryption, "refresh_certs", message);
    pthread_mutex_lock(&requests->mutex);
    requests->ended = asked;
    snprintf(requests->refusal, sizeof(requests->refusal), "%s", message);
    pthread_mutex_unlock(&requests->mutex);
}

static void stat_write(void (*line)(void *target, const char *name, struct bytes value), void *target,
                       const char *name, int64_t value) {
    char text[BYTES_U64_DIGITS_MAX + 2];
    int size = snprintf(text, sizeof(text), "%" PRId64, value);
    line(target, name, bytes_of(text, (size_t)size));
}

void encryption_stats(void *encryption, void (*line)(void *target, const char *name, struct bytes value),
                      void *target) {
    const struct tls *tls = ((struct encryption *)encryption)->tls;
    struct tls_status status = tls_status(tls);
    struct tls_counters sum;
    tls_counters_sum(tls, &sum);
    int64_t now_s = (int64_t)(clock_real_ns() / CLOCK_NS_PER_S);
    uint64_t age_ns = clock_monotonic_ns() - status.refreshed_ns;
    stat_write(line, target, "ssl_handshake_errors", (int64_t)counter_read(&sum.handshake_errors));
    stat_write(line, target, "ssl_proto_errors", (int64_t)counter_read(&sum.protocol_errors));
    stat_write(line, target, "ssl_new_sessions",
               (int64_t)(counter_read(&sum.handshakes) - counter_read(&sum.handshakes_resumed)));
    stat_write(line, target, "time_since_server_cert_refresh", (int64_t)(age_ns / CLOCK_NS_PER_S));
    stat_write(line, target, "ssl_cert_days_left", (status.certificate_ends_s - now_s) / DAY_S);
}

int64_t encryption_days_left(const struct encryption *encryption) {
    int64_t left_s =
        tls_status(encryption->tls).certificate_ends_s - (int64_t)(clock_real_ns() / CLOCK_NS_PER_S);
    return left_s < 0 ? left_s / DAY_S - 1 : left_s / DAY_S;
}

uint32_t encryption_slow_key_us(const struct encryption *encryption) {
    uint64_t signature_us = tls_status(encryption->tls).signature_ns / CLOCK_NS_PER_US;
    return signature_us >= DEAR_KEY_US ? (uint32_t)signature_us : 0;
}

static void slow_key_warn(struct encryption *encryption) {
    if (encryption->key_judged) {
        return;
    }
    encryption->key_judged = true;
    uint32_t signature_us = encryption_slow_key_us(encryption);
    if (signature_us > 0) {
        log_line(LOG_LEVEL_WARNING,
                 "a key of -o ssl_key takes %" PRIu32 ".%" PRIu32
                 " ms of a CPU for each handshake, beside the worker and behind it; one of P-256 takes 0.03",
                 signature_us / 1000, signature_us % 1000 / 100);
    }
}

/* A line a day from two weeks before the end. */
static void end_warn(struct encryption *encryption, uint64_t now_ns) {
    int64_t left_s =
        tls_status(encryption->tls).certificate_ends_s - (int64_t)(clock_real_ns() / CLOCK_NS_PER_S);
    if (left_s >= ENDS_SOON_DAYS * (int64_t)DAY_S || now_ns < encryption->warn_next_ns) {
        return;
    }
    encryption->warn_next_ns = now_ns + DAY_S * CLOCK_NS_PER_S;
    if (left_s <= 0) {
        log_line(LOG_LEVEL_WARNING,
                 "a certificate of -o ssl_chain_cert has ended: clients that look refuse it");
    } else {
        log_line(LOG_LEVEL_WARNING, "a certificate of -o ssl_chain_cert ends in %" PRId64 " days",
                 left_s / DAY_S);
    }
}

int encryption_turn(struct encryption *encryption, uint64_t now_ns) {
    char message[TLS_MESSAGE_SIZE_MAX];
    if (encryption->tls == NULL) {
        return -1;
    }
    if (now_ns >= encryption->look_next_ns) {
        encryption->look_next_ns = now_ns + LOOK_S * CLOCK_NS_PER_S;
        if (tls_files_changed(encryption->tls)) {
            encryption_refresh(encryption, "a file of TLS has changed", message);
        }
        tls_rotate_tickets(encryption->tls, now_ns);
    }
    end_warn(encryption, now_ns);
    slow_key_warn(encryption);
    return (int)((encryption->look_next_ns - now_ns) / CLOCK_NS_PER_MS) + 1;
}

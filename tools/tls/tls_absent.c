/* SPDX-License-Identifier: MIT
 *
 * tls_absent: what stands in for tls.c in a build without OpenSSL: there is no context, so nothing else is reached.
 */
#include <assert.h>

#include "tls.h"

struct tls_context *tls_context_create(const struct tls_settings *settings, const char *host,
                                       const char *alpn, int exit_status, struct failure *failure) {
    (void)settings;
    (void)host;
    (void)alpn;
    failure_write(failure, exit_status, "built without TLS (make TLS=no)");
    return NULL;
}

void tls_context_destroy(struct tls_context *context) {
    assert(context == NULL);
}

struct tls *tls_create(struct tls_context *context) {
    assert(context == NULL);
    return NULL;
}

void tls_destroy(struct tls *tls) {
    assert(tls == NULL);
}

bool tls_begin(struct tls *tls) {
    assert(tls != NULL);
    return false;
}

void tls_end(struct tls *tls) {
    assert(tls != NULL);
}

void tls_close(struct tls *tls) {
    assert(tls != NULL);
}

void tls_input(struct tls *tls, struct bytes received) {
    assert(tls != NULL && received.size > 0);
}

void tls_input_drop(struct tls *tls) {
    assert(tls != NULL);
}

enum tls_status tls_handshake(struct tls *tls) {
    assert(tls != NULL);
    return TLS_BROKEN;
}

enum tls_status tls_read(struct tls *tls, char *plain, size_t size, size_t *got) {
    assert(tls != NULL && plain != NULL && size > 0);
    *got = 0;
    return TLS_BROKEN;
}

bool tls_write(struct tls *tls, struct bytes plain) {
    assert(tls != NULL && plain.size > 0);
    return false;
}

bool tls_has_output(const struct tls *tls) {
    assert(tls != NULL);
    return false;
}

struct bytes tls_output_take(struct tls *tls) {
    assert(tls != NULL);
    return bytes_of("", 0);
}

bool tls_output_sent(struct tls *tls, size_t size) {
    assert(tls != NULL && size > 0);
    return true;
}

const char *tls_reason(const struct tls *tls) {
    assert(tls != NULL);
    return "";
}

bool tls_is_resumed(const struct tls *tls) {
    assert(tls != NULL);
    return false;
}

void tls_suite(const struct tls *tls, char text[TLS_SUITE_SIZE_MAX]) {
    assert(tls != NULL);
    text[0] = '\0';
}

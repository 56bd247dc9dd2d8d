/* SPDX-License-Identifier: MIT
 *
 * server_openssl: nothing but OpenSSL, with what decides the cost as riposte has it: a ticket for each handshake, sealed by
 * the code of src/tls, and no store of sessions. No callbacks, no limits, and buffers that stay.
 */
#include <openssl/ssl.h>
#include <stdint.h>

#include "connection.h"
#include "ticket.h"

static struct ticket_keys tickets;
static SSL_CTX *context;

static int ticket_key_choose(SSL *ssl, unsigned char *name, unsigned char *iv, EVP_CIPHER_CTX *cipher,
                             EVP_MAC_CTX *mac, int seals) {
    (void)ssl;
    int outcome = ticket_prepare(&tickets, name, iv, cipher, mac, seals != 0);
    return outcome == 1 && seals == 0 ? 2 : outcome; /* each is used once */
}

static void create(void) {
    char chain_path[64], key_path[64];
    certificate_make(chain_path, key_path);
    context = SSL_CTX_new(TLS_server_method());
    must(context != NULL && SSL_CTX_use_certificate_chain_file(context, chain_path) == 1 &&
             SSL_CTX_use_PrivateKey_file(context, key_path, SSL_FILETYPE_PEM) == 1 &&
             SSL_CTX_set1_groups_list(context, "X25519:P-256") == 1 &&
             SSL_CTX_set_tlsext_ticket_key_evp_cb(context, ticket_key_choose) == 1 &&
             SSL_CTX_set_num_tickets(context, 1) == 1 && ticket_keys_init(&tickets, 0) == 0,
         "the server's context");
    SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
}

static void open(struct connection *connection) {
    SSL *ssl = SSL_new(context);
    BIO *bio = wire_bio_create(&connection->to_server, &connection->to_client);
    must(ssl != NULL, "memory");
    SSL_set_bio(ssl, bio, bio);
    SSL_set_accept_state(ssl);
    connection->server = ssl;
}

static void receive(struct connection *connection) {
    connection->plain_size = 0;
    if (SSL_is_init_finished(connection->server)) {
        must(SSL_read_ex(connection->server, connection->plain, sizeof(connection->plain),
                         &connection->plain_size) == 1,
             "reading");
        return;
    }
    int done = SSL_do_handshake(connection->server);
    must(done == 1 || SSL_get_error(connection->server, done) == SSL_ERROR_WANT_READ, "the handshake");
}

static void send(struct connection *connection, size_t size) {
    size_t written;
    must(SSL_write_ex(connection->server, connection->plain, size, &written) == 1, "writing");
}

static void close(struct connection *connection) {
    SSL_shutdown(connection->server);
    SSL_free(connection->server);
}

static void destroy(void) {
    SSL_CTX_free(context);
    ticket_keys_deinit(&tickets);
}

const struct server_kind server_openssl = {"openssl", create, open, receive, send, close, destroy};

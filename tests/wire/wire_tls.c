/* SPDX-License-Identifier: Apache-2.0 */
#include <libpq-fe.h>
#include <openssl/ssl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/support/server_launcher.h"
#include "tests/wire/wire.h"

/* A server with a password and TLS: SCRAM through libpq, direct TLS through OpenSSL. */

#define PASSWORD "correct horse"

static void
connect_with(int port, const char *options, const char *wanted)
{
    char conninfo[400];
    (void)snprintf(conninfo, sizeof(conninfo),
                   "host=127.0.0.1 port=%d dbname=postgres connect_timeout=10 %s", port, options);
    PGconn *conn = PQconnectdb(conninfo);
    bool is_good = PQstatus(conn) == CONNECTION_OK;
    const char *said = is_good ? "ok" : PQerrorMessage(conn);
    if (strstr(said, wanted) == NULL) {
        wire_check_text(said, wanted, options, 0);
    }
    PQfinish(conn);
}

static void
passwords_and_channel_binding(int port)
{
    connect_with(port, "user=postgres password='" PASSWORD "' sslmode=disable", "ok");
    connect_with(port, "user=postgres password='" PASSWORD "' sslmode=require", "ok");
    connect_with(port,
                 "user=postgres password='" PASSWORD "' sslmode=require "
                 "channel_binding=require",
                 "ok");
    connect_with(port,
                 "user=postgres password='" PASSWORD "' sslmode=require "
                 "channel_binding=disable",
                 "ok");
    connect_with(port, "user=postgres password=wrong sslmode=require",
                 "password authentication failed for user \"postgres\"");
    connect_with(port, "user=postgres password=wrong sslmode=disable",
                 "password authentication failed for user \"postgres\"");
    connect_with(port, "user=nobody password=wrong sslmode=disable",
                 "password authentication failed for user \"nobody\"");
    connect_with(port, "user=postgres sslmode=disable passfile=/nonexistent",
                 "no password supplied");
}

static void
tls_is_what_it_says(int port)
{
    char conninfo[300];
    (void)snprintf(conninfo, sizeof(conninfo),
                   "host=127.0.0.1 port=%d dbname=postgres user=postgres password='" PASSWORD
                   "' sslmode=require",
                   port);
    PGconn *conn = PQconnectdb(conninfo);
    CHECK(PQstatus(conn) == CONNECTION_OK);
    CHECK(PQsslInUse(conn) == 1);
    /* Many records in one answer, and one large message in. */
    PGresult *result = PQexec(conn, "SELECT repeat('x', 1000) FROM generate_series(1, 5000)");
    CHECK(PQntuples(result) == 5000);
    PQclear(result);
    char *text = malloc(1000001);
    memset(text, 'y', 1000000);
    text[1000000] = '\0';
    const char *values[] = {text};
    result = PQexecParams(conn, "SELECT length($1)", 1, NULL, values, NULL, NULL, 0);
    CHECK(PQresultStatus(result) == PGRES_TUPLES_OK &&
          strcmp(PQgetvalue(result, 0, 0), "1000000") == 0);
    PQclear(result);
    free(text);
    PQfinish(conn);
}

/* The first bytes of a direct TLS connection; what the server says to a start-up packet. */
static char
direct(int port, const unsigned char *alpn, unsigned alpn_size)
{
    struct wire wire;
    char answer = '-';
    wire_open(&wire, port);
    SSL_CTX *context = SSL_CTX_new(TLS_client_method());
    SSL *ssl = SSL_new(context);
    if (alpn_size > 0) {
        (void)SSL_set_alpn_protos(ssl, alpn, alpn_size);
    }
    (void)SSL_set_fd(ssl, wire.fd);
    if (SSL_connect(ssl) == 1) {
        wire_put_startup(&wire, 3 << 16, "postgres", NULL, NULL);
        (void)SSL_write(ssl, wire.out, (int)wire.out_size);
        (void)SSL_read(ssl, &answer, 1);
    }
    SSL_free(ssl);
    SSL_CTX_free(context);
    wire_close(&wire);
    return answer;
}

static void
direct_tls_needs_its_protocol(int port)
{
    static const unsigned char good[] = "\012postgresql";
    static const unsigned char other[] = "\010http/1.1";
    CHECK(direct(port, good, sizeof(good) - 1) == 'R');
    CHECK(direct(port, NULL, 0) == 'E');
    CHECK(direct(port, other, sizeof(other) - 1) == 'E');
}

static void
broken_handshakes_harm_nobody(int port)
{
    static const char *const noises[] = {"\x16", "\x16\x03\x01\x7f\xff",
                                         "\x16\x03\x01\x00\x05hello", "GET / HTTP/1.1\r\n\r\n"};
    for (size_t i = 0; i < sizeof(noises) / sizeof(noises[0]); i++) {
        struct wire wire;
        wire_open(&wire, port);
        wire_put(&wire, noises[i], i == 1 ? 5 : i == 2 ? 10 : strlen(noises[i]));
        wire_push(&wire);
        wire_sleep_ms(20);
        wire_close(&wire);
    }
    passwords_and_channel_binding(port);
}

/* Plain bytes behind SSLRequest could be somebody else's: they are not read as the client's. */
static void
nothing_may_follow_the_request_for_tls(int port)
{
    struct wire wire;
    wire_open(&wire, port);
    size_t mark = wire_begin(&wire, 0);
    wire_put_int32(&wire, 80877103);
    wire_end(&wire, mark);
    wire_put_startup(&wire, 3 << 16, "postgres", NULL, NULL);
    wire_push(&wire);
    char byte = '?';
    CHECK(read(wire.fd, &byte, 1) == 1 && byte == 'S');
    const char *answer = wire_read_for(&wire, 1000);
    CHECK(strstr(answer, "R") == NULL && strstr(answer, "Z") == NULL);
    wire_close(&wire);
}

static const struct wire_case cases[] = {
    {"passwords and channel binding", passwords_and_channel_binding, true},
    {"TLS is what it says", tls_is_what_it_says, true},
    {"direct TLS needs its protocol", direct_tls_needs_its_protocol, true},
    {"broken handshakes harm nobody", broken_handshakes_harm_nobody, true},
    {"nothing may follow the request for TLS", nothing_may_follow_the_request_for_tls, true},
};

int
main(int argc, char **argv)
{
    static const char *const arguments[] = {"--tls", "auto", "--password", PASSWORD, NULL};
    return wire_main(argc, argv, cases, sizeof(cases) / sizeof(cases[0]), arguments);
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/wire/wire.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "tests/support/server_launcher.h"

int wire_failures;
struct test_server *wire_server;

int64_t
wire_now_ms(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

void
wire_sleep_ms(int ms)
{
    struct timespec time = {ms / 1000, (long)(ms % 1000) * 1000000};
    (void)nanosleep(&time, NULL);
}

/* ------------------------------------------------------------------ sending */

void
wire_open(struct wire *wire, int port)
{
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_port = htons((uint16_t)port),
                                  .sin_addr = {.s_addr = htonl(INADDR_LOOPBACK)}};
    int one = 1;
    memset(wire, 0, sizeof(*wire));
    wire->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (wire->fd < 0 || connect(wire->fd, (struct sockaddr *)&address, sizeof(address)) != 0) {
        perror("connect");
        exit(2);
    }
    (void)setsockopt(wire->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
}

void
wire_close(struct wire *wire)
{
    if (wire->fd >= 0) {
        (void)close(wire->fd);
    }
    wire->fd = -1;
    free(wire->out);
    wire->out = NULL;
}

void
wire_put(struct wire *wire, const void *data, size_t size)
{
    if (wire->out_size + size > wire->out_capacity) {
        wire->out_capacity = (wire->out_size + size) * 2 + 256;
        wire->out = realloc(wire->out, wire->out_capacity);
        if (wire->out == NULL) {
            abort();
        }
    }
    if (size > 0) {
        memcpy(wire->out + wire->out_size, data, size);
    }
    wire->out_size += size;
}

void
wire_put_int16(struct wire *wire, int value)
{
    uint16_t bytes = htons((uint16_t)value);
    wire_put(wire, &bytes, sizeof(bytes));
}

void
wire_put_int32(struct wire *wire, int32_t value)
{
    uint32_t bytes = htonl((uint32_t)value);
    wire_put(wire, &bytes, sizeof(bytes));
}

void
wire_put_text(struct wire *wire, const char *text)
{
    wire_put(wire, text, strlen(text) + 1);
}

size_t
wire_begin(struct wire *wire, char type)
{
    if (type != 0) {
        wire_put(wire, &type, 1);
    }
    size_t mark = wire->out_size;
    wire_put_int32(wire, 0);
    return mark;
}

void
wire_end(struct wire *wire, size_t mark)
{
    uint32_t size = htonl((uint32_t)(wire->out_size - mark));
    memcpy(wire->out + mark, &size, sizeof(size));
}

void
wire_put_startup(struct wire *wire, int32_t version, const char *user, const char *more_name,
                 const char *more_value)
{
    size_t mark = wire_begin(wire, 0);
    wire_put_int32(wire, version);
    wire_put_text(wire, "user");
    wire_put_text(wire, user);
    wire_put_text(wire, "database");
    wire_put_text(wire, "postgres");
    if (more_name != NULL) {
        wire_put_text(wire, more_name);
        wire_put_text(wire, more_value);
    }
    wire_put_text(wire, "");
    wire_end(wire, mark);
}

void
wire_put_query(struct wire *wire, const char *sql)
{
    size_t mark = wire_begin(wire, 'Q');
    wire_put_text(wire, sql);
    wire_end(wire, mark);
}

void
wire_put_parse(struct wire *wire, const char *name, const char *sql)
{
    size_t mark = wire_begin(wire, 'P');
    wire_put_text(wire, name);
    wire_put_text(wire, sql);
    wire_put_int16(wire, 0);
    wire_end(wire, mark);
}

void
wire_put_bind(struct wire *wire, const char *portal, const char *statement, int count,
              const char *const *values)
{
    size_t mark = wire_begin(wire, 'B');
    wire_put_text(wire, portal);
    wire_put_text(wire, statement);
    wire_put_int16(wire, 0);
    wire_put_int16(wire, count);
    for (int i = 0; i < count; i++) {
        if (values[i] == NULL) {
            wire_put_int32(wire, -1);
        } else {
            wire_put_int32(wire, (int32_t)strlen(values[i]));
            wire_put(wire, values[i], strlen(values[i]));
        }
    }
    wire_put_int16(wire, 0);
    wire_end(wire, mark);
}

static void
put_target(struct wire *wire, char type, char kind, const char *name)
{
    size_t mark = wire_begin(wire, type);
    wire_put(wire, &kind, 1);
    wire_put_text(wire, name);
    wire_end(wire, mark);
}

void
wire_put_describe(struct wire *wire, char kind, const char *name)
{
    put_target(wire, 'D', kind, name);
}

void
wire_put_close(struct wire *wire, char kind, const char *name)
{
    put_target(wire, 'C', kind, name);
}

void
wire_put_execute(struct wire *wire, const char *portal, int32_t max_rows)
{
    size_t mark = wire_begin(wire, 'E');
    wire_put_text(wire, portal);
    wire_put_int32(wire, max_rows);
    wire_end(wire, mark);
}

void
wire_put_bare(struct wire *wire, char type)
{
    wire_end(wire, wire_begin(wire, type));
}

void
wire_push(struct wire *wire)
{
    size_t sent = 0;
    while (sent < wire->out_size) {
        ssize_t put = send(wire->fd, wire->out + sent, wire->out_size - sent, MSG_NOSIGNAL);
        if (put <= 0) {
            break; /* the server ended it: the answer tells */
        }
        sent += (size_t)put;
    }
    wire->out_size = 0;
}

/* ------------------------------------------------------------------ telling */

__attribute__((format(printf, 2, 3))) static void
tell(struct wire *wire, const char *format, ...)
{
    size_t size = strlen(wire->text);
    va_list args;
    va_start(args, format);
    (void)vsnprintf(wire->text + size, sizeof(wire->text) - size, format, args);
    va_end(args);
}

static uint32_t
get_int32(const uint8_t *data)
{
    uint32_t value;
    memcpy(&value, data, sizeof(value));
    return ntohl(value);
}

static uint32_t
get_int16(const uint8_t *data)
{
    return (uint32_t)data[0] << 8 | data[1];
}

static const char *
error_field(const uint8_t *body, char field)
{
    while (*body != 0) {
        if (*body == (uint8_t)field) {
            return (const char *)body + 1;
        }
        body += strlen((const char *)body) + 1;
    }
    return "";
}

static void
tell_row(struct wire *wire, const uint8_t *body)
{
    uint32_t count = get_int16(body);
    const uint8_t *at = body + 2;
    for (uint32_t i = 0; i < count; i++) {
        int32_t size = (int32_t)get_int32(at);
        at += 4;
        tell(wire, i == 0 ? "" : "|");
        if (size < 0) {
            tell(wire, "NULL");
        } else {
            tell(wire, "%.*s", (int)size, (const char *)at);
            at += size;
        }
    }
}

static void
tell_columns(struct wire *wire, const uint8_t *body)
{
    uint32_t count = get_int16(body);
    const uint8_t *at = body + 2;
    for (uint32_t i = 0; i < count; i++) {
        tell(wire, "%s%s", i == 0 ? "" : ",", (const char *)at);
        at += strlen((const char *)at) + 1 + 18;
    }
}

/* False when the message is not told. */
static bool
tell_message(struct wire *wire, char type, const uint8_t *body)
{
    if (type == 'S') {
        return false;
    }
    if (type == 'K') {
        wire->pid = (int32_t)get_int32(body);
        wire->key = (int32_t)get_int32(body + 4);
        return false;
    }
    tell(wire, "%s%c", wire->text[0] == '\0' ? "" : " ", type);
    switch (type) {
    case 'R':
        tell(wire, "%u", get_int32(body));
        break;
    case 'Z':
        tell(wire, "(%c)", body[0]);
        break;
    case 'T':
        tell(wire, "(");
        tell_columns(wire, body);
        tell(wire, ")");
        break;
    case 'D':
        tell(wire, "(");
        tell_row(wire, body);
        tell(wire, ")");
        break;
    case 'C':
        tell(wire, "(%s)", (const char *)body);
        break;
    case 'E':
    case 'N':
        tell(wire, "(%s %s%s%s)", error_field(body, 'S'), error_field(body, 'C'),
             wire->has_messages ? " " : "", wire->has_messages ? error_field(body, 'M') : "");
        break;
    case 'A':
        tell(wire, "(%s,%s)", (const char *)body + 4,
             (const char *)body + 4 + strlen((const char *)body + 4) + 1);
        break;
    case 'v':
        tell(wire, "(%u", get_int32(body));
        for (uint32_t i = 0, at = 8; i < get_int32(body + 4); i++) {
            tell(wire, ",%s", (const char *)body + at);
            at += (uint32_t)strlen((const char *)body + at) + 1;
        }
        tell(wire, ")");
        break;
    default:
        break;
    }
    return true;
}

/* The next whole message: 1, nothing within the time: 0, the end: -1. */
static int
next_message(struct wire *wire, int64_t end_ms, char *type_out, uint8_t *body_out)
{
    for (;;) {
        if (wire->in_size >= 5) {
            size_t size = get_int32(wire->in + 1) + 1;
            if (size <= wire->in_size) {
                *type_out = (char)wire->in[0];
                memcpy(body_out, wire->in + 5, size - 5);
                body_out[size - 5] = 0;
                wire->in_size -= size;
                memmove(wire->in, wire->in + size, wire->in_size);
                return 1;
            }
        }
        struct pollfd poll_fd = {.fd = wire->fd, .events = POLLIN};
        int64_t left_ms = end_ms - wire_now_ms();
        if (left_ms <= 0 || poll(&poll_fd, 1, (int)left_ms) == 0) {
            return 0;
        }
        ssize_t got = recv(wire->fd, wire->in + wire->in_size, sizeof(wire->in) - wire->in_size, 0);
        if (got <= 0) {
            return -1;
        }
        wire->in_size += (size_t)got;
    }
}

static const char *
read_until(struct wire *wire, int ready_count, int told_count, int wait_ms, bool is_timed)
{
    static uint8_t body[sizeof(wire->in) + 1];
    int64_t end_ms = wire_now_ms() + wait_ms;
    wire->text[0] = '\0';
    for (;;) {
        char type;
        int answer = next_message(wire, end_ms, &type, body);
        if (answer < 0) {
            tell(wire, "%sEOF", wire->text[0] == '\0' ? "" : " ");
            return wire->text;
        }
        if (answer == 0) {
            tell(wire, "%s", is_timed ? "" : wire->text[0] == '\0' ? "TIMEOUT" : " TIMEOUT");
            return wire->text;
        }
        bool is_told = tell_message(wire, type, body);
        if ((type == 'Z' && --ready_count == 0) || (is_told && --told_count == 0)) {
            return wire->text;
        }
    }
}

const char *
wire_read_ready(struct wire *wire, int count)
{
    return read_until(wire, count, 0, WIRE_TIMEOUT_MS, false);
}

const char *
wire_read(struct wire *wire, int count)
{
    return read_until(wire, 0, count, WIRE_TIMEOUT_MS, false);
}

const char *
wire_read_for(struct wire *wire, int wait_ms)
{
    return read_until(wire, 0, 0, wait_ms, true);
}

const char *
wire_run(struct wire *wire, const char *sql)
{
    wire_put_query(wire, sql);
    wire_push(wire);
    return wire_read_ready(wire, 1);
}

void
wire_open_session(struct wire *wire, int port)
{
    wire_open(wire, port);
    wire_put_startup(wire, 3 << 16, "postgres", NULL, NULL);
    wire_push(wire);
    CHECK_TEXT(wire_read_ready(wire, 1), "R0 Z(I)");
}

/* ------------------------------------------------------------------ checking */

void
wire_check(bool is_good, const char *file, int line, const char *what)
{
    if (!is_good) {
        wire_failures++;
        (void)fprintf(stderr, "%s:%d: not so: %s\n", file, line, what);
    }
}

void
wire_check_text(const char *got, const char *wanted, const char *file, int line)
{
    if (strcmp(got, wanted) != 0) {
        wire_failures++;
        (void)fprintf(stderr, "%s:%d:\n  wanted %s\n  got    %s\n", file, line, wanted, got);
    }
}

static int
run_cases(const struct wire_case *cases, size_t count, int port, bool is_peer)
{
    for (size_t i = 0; i < count; i++) {
        if (is_peer && cases[i].is_own) {
            continue;
        }
        int before = wire_failures;
        cases[i].run(port);
        (void)printf("%s %s\n", wire_failures == before ? "ok    " : "FAILED", cases[i].name);
        (void)fflush(stdout);
    }
    return wire_failures == 0 ? 0 : 1;
}

int
wire_main(int argc, char **argv, const struct wire_case *cases, size_t count,
          const char *const *server_arguments)
{
    (void)signal(SIGPIPE, SIG_IGN);
    if (argc == 3 && strcmp(argv[1], "--peer") == 0) {
        return run_cases(cases, count, atoi(argv[2]), true);
    }
    if (argc != 2) {
        (void)fprintf(stderr, "usage: %s KYRODB | %s --peer PORT\n", argv[0], argv[0]);
        return 2;
    }
    struct test_server server;
    test_server_init(&server, argv[1]);
    server.extra = server_arguments;
    if (!test_server_start(&server)) {
        return 2;
    }
    wire_server = &server;
    int code = run_cases(cases, count, server.port, false);
    if (server.pid != 0) {
        int status = test_server_stop(&server, SIGTERM);
        CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    }
    test_server_deinit(&server);
    return code != 0 || wire_failures != 0 ? 1 : 0;
}

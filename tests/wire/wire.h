/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

/*
 * A client of the PostgreSQL protocol made of single messages, for tests that a driver would not
 * let happen. Messages are gathered by the wire_put_* functions and sent by wire_push. What comes
 * back is told as one line of text, so that a test compares whole conversations:
 *
 *     R0 R10 Z(I)  T(a,b)  D(1|NULL)  C(SELECT 1)  E(ERROR 42601 message)  N(WARNING 25P01)
 *     A(channel,payload)  EOF  TIMEOUT   and bare letters for the others
 *
 * ParameterStatus and BackendKeyData are read and left out.
 */
enum { WIRE_TIMEOUT_MS = 10000, WIRE_TEXT_MAX = 16384 };

struct wire {
    int fd;
    uint8_t *out;
    size_t out_size, out_capacity;
    uint8_t in[1 << 16];
    size_t in_size;
    char text[WIRE_TEXT_MAX];
    int32_t pid, key;
    bool has_messages; /* E and N carry their message texts */
};

/* Connects to 127.0.0.1:port; ends the test program when that fails. */
void wire_open(struct wire *wire, int port);
void wire_close(struct wire *wire);
/* Connects and logs in as postgres. */
void wire_open_session(struct wire *wire, int port);

void wire_put(struct wire *wire, const void *data, size_t size);
void wire_put_int16(struct wire *wire, int value);
void wire_put_int32(struct wire *wire, int32_t value);
void wire_put_text(struct wire *wire, const char *text); /* with its zero byte */
/* A message's type and a place for its length; wire_end fills that in. type 0: none. */
size_t wire_begin(struct wire *wire, char type);
void wire_end(struct wire *wire, size_t mark);

void wire_put_startup(struct wire *wire, int32_t version, const char *user, const char *more_name,
                      const char *more_value);
void wire_put_query(struct wire *wire, const char *sql);
void wire_put_parse(struct wire *wire, const char *name, const char *sql);
/* Text parameters, text results. */
void wire_put_bind(struct wire *wire, const char *portal, const char *statement, int count,
                   const char *const *values);
void wire_put_describe(struct wire *wire, char kind, const char *name);
void wire_put_execute(struct wire *wire, const char *portal, int32_t max_rows);
void wire_put_close(struct wire *wire, char kind, const char *name);
void wire_put_bare(struct wire *wire, char type); /* S, H, X, c */
void wire_push(struct wire *wire);

/* Reads until the count-th ReadyForQuery, or the end, or WIRE_TIMEOUT_MS. */
const char *wire_read_ready(struct wire *wire, int count);
/* Reads count messages that are told. */
const char *wire_read(struct wire *wire, int count);
/* Reads what comes within wait_ms. */
const char *wire_read_for(struct wire *wire, int wait_ms);
/* One query, its answer. */
const char *wire_run(struct wire *wire, const char *sql);

/* ------------------------------------------------------------------ checking */

extern int wire_failures;
void wire_check(bool is_good, const char *file, int line, const char *what);
void wire_check_text(const char *got, const char *wanted, const char *file, int line);
#define CHECK(condition) wire_check((condition), __FILE__, __LINE__, #condition)
#define CHECK_TEXT(got, wanted) wire_check_text((got), (wanted), __FILE__, __LINE__)

int64_t wire_now_ms(void);
void wire_sleep_ms(int ms);

/**
 * main() of each program: PROGRAM KYRODB runs all cases against a server of its own; PROGRAM --peer
 * PORT runs those that PostgreSQL must pass as well against one that runs there.
 */
struct wire_case {
    const char *name;
    void (*run)(int port);
    bool is_own; /* KyroDB alone: not run on the peer */
};
int wire_main(int argc, char **argv, const struct wire_case *cases, size_t count,
              const char *const *server_arguments);
/* The server of wire_main's; NULL on a peer. */
struct test_server;
extern struct test_server *wire_server;

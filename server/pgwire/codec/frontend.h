/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "server/base/arena.h"
#include "server/base/error.h"
#include "server/base/slice.h"

/*
 * Bytes from a client to structs. Nothing here touches a socket, and every length is checked:
 * a broken message is 08P01 with PostgreSQL's text. Slices and strings point into the input.
 *
 *     startup   [int32 size, itself included][int32 code][body]
 *     others    [byte type][int32 size, type excluded][body]
 */
enum {
    PGW_STARTUP_SIZE_MAX = 10000,
    PGW_LOGIN_SIZE_MAX = 65536,        /* a message before the client has shown who it is */
    PGW_MESSAGE_SIZE_MAX = 0x3fffffff, /* 1 GiB - 1 */
    PGW_CODE_SSL = 80877103,
    PGW_CODE_GSS = 80877104,
    PGW_CODE_CANCEL = 80877102,
    PGW_PARAMS_MAX = 65535,
};

enum pgw_frame_answer {
    PGW_FRAME_WHOLE,
    PGW_FRAME_PARTIAL, /* need_size bytes in all are needed, as far as is known */
    PGW_FRAME_BAD,     /* the length cannot be right: the stream is lost */
};

struct pgw_frame {
    uint8_t type; /* 0 for a start-up packet */
    struct ky_slice body;
    size_t size;      /* of the whole frame */
    size_t need_size; /* PARTIAL */
};

enum pgw_frame_answer pgw_frame_startup(struct ky_slice input, struct pgw_frame *frame_out);
/* size_max bounds the body. */
enum pgw_frame_answer pgw_frame_next(struct ky_slice input, size_t size_max,
                                     struct pgw_frame *frame_out);

/* ------------------------------------------------------------------ messages */

struct pgw_startup {
    uint32_t code;      /* one of the codes above, or major << 16 | minor */
    int32_t cancel_pid; /* CANCEL */
    int32_t cancel_key;
    const char **parameters;      /* in the arena: name, value ..., NULL at the end */
    const char **unknown_options; /* names that begin with _pq_., NULL at the end */
    uint32_t unknown_count;
};
KY_MUST_CHECK ky_status pgw_decode_startup(struct ky_slice body, struct ky_arena *arena,
                                           struct pgw_startup *out, struct ky_error *err);

struct pgw_sasl_initial {
    const char *mechanism;
    struct ky_slice data; /* data NULL: none was sent */
};
KY_MUST_CHECK ky_status pgw_decode_sasl_initial(struct ky_slice body, struct pgw_sasl_initial *out,
                                                struct ky_error *err);

/* Query, CopyFail, and whatever else is one string. */
KY_MUST_CHECK ky_status pgw_decode_string(struct ky_slice body, struct ky_slice *out,
                                          struct ky_error *err);

struct pgw_parse {
    const char *name;
    struct ky_slice sql;         /* a zero byte follows */
    const uint32_t *param_types; /* in the arena */
    uint16_t param_count;
};
KY_MUST_CHECK ky_status pgw_decode_parse(struct ky_slice body, struct ky_arena *arena,
                                         struct pgw_parse *out, struct ky_error *err);

struct pgw_bind {
    const char *portal;
    const char *statement;
    const int16_t *param_formats;  /* arrays are in the arena */
    const struct ky_slice *params; /* data NULL: null */
    const int16_t *result_formats;
    uint16_t param_format_count; /* 0, 1 or param_count */
    uint16_t param_count;
    uint16_t result_format_count;
};
KY_MUST_CHECK ky_status pgw_decode_bind(struct ky_slice body, struct ky_arena *arena,
                                        struct pgw_bind *out, struct ky_error *err);

/* Describe and Close. kind is 'S' or 'P'; verb ("DESCRIBE") is for the message. */
struct pgw_target {
    char kind;
    const char *name;
};
KY_MUST_CHECK ky_status pgw_decode_target(struct ky_slice body, const char *verb,
                                          struct pgw_target *out, struct ky_error *err);

struct pgw_execute {
    const char *portal;
    uint32_t max_rows; /* 0: all; a negative limit means all as well */
};
KY_MUST_CHECK ky_status pgw_decode_execute(struct ky_slice body, struct pgw_execute *out,
                                           struct ky_error *err);

/* Flush, Sync, CopyDone, Terminate: no body. */
KY_MUST_CHECK ky_status pgw_decode_empty(struct ky_slice body, struct ky_error *err);

/* 22021 unless text is UTF-8 (PostgreSQL's message with the bytes). */
KY_MUST_CHECK ky_status pgw_check_utf8(struct ky_slice text, struct ky_error *err);

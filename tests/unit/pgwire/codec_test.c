/* SPDX-License-Identifier: Apache-2.0 */
#include <criterion/criterion.h>

#include "server/pgwire/codec/backend.h"
#include "server/pgwire/codec/frontend.h"

/* Bytes of a literal without its closing zero. */
#define BYTES(literal) ky_slice((literal), sizeof(literal) - 1)

static void
expect_error(ky_status status, const struct ky_error *err, const char *message)
{
    cr_expect_eq(status, KY_ERR);
    cr_expect_eq(err->sqlstate, KY_PROTOCOL_VIOLATION);
    cr_expect_str_eq(err->message, message);
}

/* ------------------------------------------------------------------ frames */

Test(pgwire_frame, waits_for_every_byte_of_a_message)
{
    static const char MESSAGE[] = "Q\0\0\0\x0dselect 1\0next";
    struct pgw_frame frame;
    for (size_t size = 0; size < 14; size++) {
        cr_expect_eq(pgw_frame_next(ky_slice(MESSAGE, size), 1000, &frame), PGW_FRAME_PARTIAL);
        cr_expect_eq(frame.need_size, size < 5 ? 5 : 14, "at %zu", size);
    }
    cr_assert_eq(pgw_frame_next(BYTES(MESSAGE), 1000, &frame), PGW_FRAME_WHOLE);
    cr_expect_eq(frame.type, 'Q');
    cr_expect_eq(frame.size, 14);
    cr_expect(ky_slice_equal(frame.body, BYTES("select 1\0")));
}

Test(pgwire_frame, refuses_lengths_that_cannot_be)
{
    struct pgw_frame frame;
    cr_expect_eq(pgw_frame_next(BYTES("Q\0\0\0\x03"), 1000, &frame), PGW_FRAME_BAD);
    cr_expect_eq(pgw_frame_next(BYTES("Q\xff\xff\xff\xff"), PGW_MESSAGE_SIZE_MAX, &frame),
                 PGW_FRAME_BAD);
    cr_expect_eq(pgw_frame_next(BYTES("Q\0\0\0\x0e"), 9, &frame), PGW_FRAME_BAD);
    cr_expect_eq(pgw_frame_next(BYTES("Q\0\0\0\x0d"), 9, &frame), PGW_FRAME_PARTIAL);
    cr_expect_eq(pgw_frame_startup(BYTES("\0\0\0\x07"), &frame), PGW_FRAME_BAD);
    cr_expect_eq(pgw_frame_startup(BYTES("\0\0\x27\x11"), &frame), PGW_FRAME_BAD);
    cr_expect_eq(pgw_frame_startup(BYTES("\0\0\x27\x10"), &frame), PGW_FRAME_PARTIAL);
}

/* ------------------------------------------------------------------ decoding */

struct world {
    struct ky_arena arena;
    struct ky_error err;
};

static void
world_init(struct world *world)
{
    ky_arena_init(&world->arena);
    ky_error_init(&world->err);
}

Test(pgwire_decode, startup_gives_parameters_and_unknown_options)
{
    struct world w;
    struct pgw_startup startup;
    world_init(&w);
    cr_assert_eq(pgw_decode_startup(BYTES("\0\x03\0\x02user\0ann\0_pq_.x\0on\0database\0d\0\0"),
                                    &w.arena, &startup, &w.err),
                 KY_OK);
    cr_expect_eq(startup.code, 0x30002);
    cr_expect_str_eq(startup.parameters[0], "user");
    cr_expect_str_eq(startup.parameters[1], "ann");
    cr_expect_str_eq(startup.parameters[2], "database");
    cr_expect_str_eq(startup.parameters[3], "d");
    cr_expect_null(startup.parameters[4]);
    cr_expect_eq(startup.unknown_count, 1);
    cr_expect_str_eq(startup.unknown_options[0], "_pq_.x");
    expect_error(pgw_decode_startup(BYTES("\0\x03\0\0user\0ann\0"), &w.arena, &startup, &w.err),
                 &w.err, "invalid startup packet layout: expected terminator as last byte");
    ky_arena_deinit(&w.arena);
}

Test(pgwire_decode, cancel_carries_pid_and_key)
{
    struct world w;
    struct pgw_startup startup;
    world_init(&w);
    cr_assert_eq(pgw_decode_startup(BYTES("\x04\xd2\x16\x2e\0\0\0\x07\xff\xff\xff\xfe"), &w.arena,
                                    &startup, &w.err),
                 KY_OK);
    cr_expect_eq(startup.code, PGW_CODE_CANCEL);
    cr_expect_eq(startup.cancel_pid, 7);
    cr_expect_eq(startup.cancel_key, -2);
    expect_error(
        pgw_decode_startup(BYTES("\x04\xd2\x16\x2e\0\0\0\x07"), &w.arena, &startup, &w.err), &w.err,
        "insufficient data left in message");
    ky_arena_deinit(&w.arena);
}

Test(pgwire_decode, bind_keeps_null_apart_from_empty)
{
    struct world w;
    struct pgw_bind bind;
    world_init(&w);
    cr_assert_eq(
        pgw_decode_bind(BYTES("p\0s\0\0\x01\0\x01\0\x03\0\0\0\x02hi\0\0\0\0\xff\xff\xff\xff"
                              "\0\x02\0\0\0\x01"),
                        &w.arena, &bind, &w.err),
        KY_OK, "%s", w.err.message);
    cr_expect_str_eq(bind.portal, "p");
    cr_expect_str_eq(bind.statement, "s");
    cr_expect_eq(bind.param_format_count, 1);
    cr_expect_eq(bind.param_formats[0], 1);
    cr_assert_eq(bind.param_count, 3);
    cr_expect(ky_slice_is(bind.params[0], "hi"));
    cr_expect_not_null(bind.params[1].data);
    cr_expect_eq(bind.params[1].size, 0);
    cr_expect_null(bind.params[2].data);
    cr_assert_eq(bind.result_format_count, 2);
    cr_expect_eq(bind.result_formats[1], 1);
    ky_arena_deinit(&w.arena);
}

/* A message cut at any byte must be an error, never a read past its end (the sanitizer watches). */
Test(pgwire_decode, refuses_a_message_cut_at_any_byte)
{
    static const char PARSE[] = "s\0select $1\0\0\x02\0\0\0\x17\0\0\0\x19";
    static const char BIND[] = "p\0s\0\0\x01\0\x01\0\x02\0\0\0\x02hi\xff\xff\xff\xff\0\x01\0\x01";
    static const char EXECUTE[] = "p\0\0\0\0\x05";
    static const char TARGET[] = "Sname\0";
    struct world w;
    struct pgw_parse parse;
    struct pgw_bind bind;
    struct pgw_execute execute;
    struct pgw_target target;
    world_init(&w);
    const struct ky_slice whole[] = {BYTES(PARSE), BYTES(BIND), BYTES(EXECUTE), BYTES(TARGET)};
    for (size_t kind = 0; kind < KY_COUNT_OF(whole); kind++) {
        for (size_t size = 0; size <= whole[kind].size; size++) {
            /* Of its own size on the heap, so that one byte too far is seen. */
            char *bytes = ky_malloc(size + (size == 0));
            memcpy(bytes, whole[kind].data, size);
            struct ky_slice body = ky_slice(bytes, size);
            ky_status status = kind == 0   ? pgw_decode_parse(body, &w.arena, &parse, &w.err)
                               : kind == 1 ? pgw_decode_bind(body, &w.arena, &bind, &w.err)
                               : kind == 2 ? pgw_decode_execute(body, &execute, &w.err)
                                           : pgw_decode_target(body, "CLOSE", &target, &w.err);
            cr_expect_eq(status, size == whole[kind].size ? KY_OK : KY_ERR, "kind %zu size %zu",
                         kind, size);
            ky_free(bytes);
        }
    }
    ky_arena_deinit(&w.arena);
}

Test(pgwire_decode, says_what_is_wrong_as_postgresql_does)
{
    struct world w;
    struct ky_slice text;
    struct pgw_target target;
    struct pgw_bind bind;
    struct pgw_parse parse;
    world_init(&w);
    expect_error(pgw_decode_string(BYTES("select 1"), &text, &w.err), &w.err,
                 "invalid string in message");
    expect_error(pgw_decode_string(BYTES("select 1\0x"), &text, &w.err), &w.err,
                 "invalid message format");
    expect_error(pgw_decode_target(BYTES("Xname\0"), "DESCRIBE", &target, &w.err), &w.err,
                 "invalid DESCRIBE message subtype 88");
    expect_error(pgw_decode_bind(BYTES("\0\0\0\x02\0\0\0\0\0\x01"), &w.arena, &bind, &w.err),
                 &w.err, "bind message has 2 parameter formats but 1 parameters");
    /* A count that promises more than there is must not be believed. */
    expect_error(pgw_decode_parse(BYTES("\0x\0\xff\xff"), &w.arena, &parse, &w.err), &w.err,
                 "insufficient data left in message");
    /* A negative size that is not the null mark. */
    expect_error(pgw_decode_bind(BYTES("\0\0\0\0\0\x01\xff\xff\xff\xfe"), &w.arena, &bind, &w.err),
                 &w.err, "insufficient data left in message");
    expect_error(pgw_decode_empty(BYTES("x"), &w.err), &w.err, "invalid message format");
    ky_arena_deinit(&w.arena);
}

Test(pgwire_decode, a_row_limit_below_zero_means_all)
{
    struct ky_error err;
    struct pgw_execute execute;
    cr_assert_eq(pgw_decode_execute(BYTES("\0\xff\xff\xff\xff"), &execute, &err), KY_OK);
    cr_expect_eq(execute.max_rows, 0);
    cr_assert_eq(pgw_decode_execute(BYTES("\0\0\0\0\x05"), &execute, &err), KY_OK);
    cr_expect_eq(execute.max_rows, 5);
}

Test(pgwire_decode, text_must_be_utf8)
{
    struct ky_error err;
    cr_expect_eq(pgw_check_utf8(BYTES("select 'plain ascii, long'"), &err), KY_OK);
    cr_expect_eq(pgw_check_utf8(BYTES("1234567\xc3\xa4\xe2\x82\xac"), &err), KY_OK);
    cr_expect_eq(pgw_check_utf8(BYTES("12345678\xe2\x82"), &err), KY_ERR);
    cr_expect_eq(err.sqlstate, KY_CHARACTER_NOT_IN_REPERTOIRE);
    cr_expect_str_eq(err.message, "invalid byte sequence for encoding \"UTF8\": 0xe2 0x82");
}

/* ------------------------------------------------------------------ encoding */

static void
expect_bytes(struct ky_buffer *out, struct ky_slice wanted)
{
    cr_expect(ky_slice_equal(ky_buffer_slice(out), wanted));
    ky_buffer_clear(out);
}

Test(pgwire_encode, writes_messages_byte_for_byte)
{
    static const char *const MECHANISMS[] = {"SCRAM-SHA-256", NULL};
    static const char *const UNKNOWN[] = {"_pq_.x", NULL};
    struct ky_buffer out = {0};
    pgw_encode_auth_ok(&out);
    expect_bytes(&out, BYTES("R\0\0\0\x08\0\0\0\0"));
    pgw_encode_auth_sasl(&out, MECHANISMS);
    expect_bytes(&out, BYTES("R\0\0\0\x17\0\0\0\x0aSCRAM-SHA-256\0\0"));
    pgw_encode_negotiate(&out, 0, UNKNOWN, 1);
    expect_bytes(&out, BYTES("v\0\0\0\x13\0\x03\0\0\0\0\0\x01_pq_.x\0"));
    pgw_encode_parameter_status(&out, "a", "b");
    expect_bytes(&out, BYTES("S\0\0\0\x08"
                             "a\0b\0"));
    pgw_encode_backend_key(&out, 1, -1);
    expect_bytes(&out, BYTES("K\0\0\0\x0c\0\0\0\x01\xff\xff\xff\xff"));
    pgw_encode_ready(&out, 'T');
    expect_bytes(&out, BYTES("Z\0\0\0\x05T"));
    pgw_encode_command_complete(&out, "SELECT 1");
    expect_bytes(&out, BYTES("C\0\0\0\x0dSELECT 1\0"));
    pgw_encode_bare(&out, '1');
    expect_bytes(&out, BYTES("1\0\0\0\x04"));
    pgw_encode_parameter_description(&out, (const uint32_t[]){23}, 1);
    expect_bytes(&out, BYTES("t\0\0\0\x0a\0\x01\0\0\0\x17"));
    pgw_encode_copy_response(&out, 'G', 2, 1);
    expect_bytes(&out, BYTES("G\0\0\0\x0b\x01\0\x02\0\x01\0\x01"));
    pgw_encode_copy_data(&out, BYTES("1\n"));
    expect_bytes(&out, BYTES("d\0\0\0\x06"
                             "1\n"));
    ky_buffer_deinit(&out);
}

Test(pgwire_encode, errors_carry_only_the_fields_that_are_set)
{
    struct ky_buffer out = {0};
    struct ky_error err;
    (void)ky_error_set(&err, KY_UNIQUE_VIOLATION, "dup");
    (void)ky_error_detail(&err, "Key.");
    ky_error_name(err.constraint_name, "t_pkey");
    pgw_encode_error(&out, "ERROR", &err);
    expect_bytes(&out,
                 BYTES("E\0\0\0\x35SERROR\0VERROR\0C23505\0Mdup\0DKey.\0nt_pkey\0Rkyrodb\0\0"));
    (void)ky_error_set(&err, KY_WARNING, "w");
    pgw_encode_error(&out, "WARNING", &err);
    cr_expect_eq(out.data[0], 'N');
    ky_buffer_deinit(&out);
}

/* SPDX-License-Identifier: Apache-2.0 */
#include <criterion/criterion.h>

#include "server/types/reg.h"
#include "server/types/user_type.h"
#include "tests/unit/types/types_fixture.h"

/* The registry lives as long as the process, and tests share one: each takes numbers of its own. */

static int64_t
place(int64_t number)
{
    return number << ENUM_PLACE_BITS;
}

static struct user_type
define(struct types_fixture *fixture, oid_t oid, const char *name, const char *const *names,
       uint32_t count)
{
    struct user_type type = {.oid = oid,
                             .array_oid = oid + 1,
                             .name = name,
                             .array_name = ky_arena_printf(&fixture->arena, "_%s", name),
                             .schema = "public"};
    struct enum_label *labels = ky_arena_array(&fixture->arena, struct enum_label, count + 1U);
    for (uint32_t i = 0; i < count; i++) {
        labels[i] = (struct enum_label){oid + 2 + i, place((int64_t)i + 1), names[i]};
    }
    enum_labels_init(&type.labels, labels, count, &fixture->arena);
    return type;
}

static const char *const MOODS[] = {"sad", "ok", "happy"};

Test(enum_type, values_are_read_printed_and_cast)
{
    struct types_fixture f;
    types_start(&f);
    const struct user_type mood = define(&f, 20000, "mood", MOODS, 3);
    user_type_put(&mood, 1, true);
    cr_assert_str_eq(types_round(&f, 20000, "ok", -1), "ok");
    cr_assert_eq(types_value(&f, 20000, "happy").word, place(3));
    cr_assert_str_eq(types_round(&f, 20000, "bad", -1),
                     "22P02 invalid input value for enum mood: \"bad\"");
    cr_assert_str_eq(types_round(&f, 20000, "", -1),
                     "22P02 invalid input value for enum mood: \"\"");
    cr_assert_str_eq(types_round(&f, 20001, "{happy,NULL,sad}", -1), "{happy,NULL,sad}");
    cr_assert_str_eq(types_cast(&f, 20000, "ok", OID_TEXT), "ok");
    cr_assert_str_eq(types_cast(&f, OID_VARCHAR, "ok", 20000), "ok");
    cr_assert_str_eq(types_cast(&f, 20001, "{ok}", OID_TEXT_ARRAY), "{ok}");
    cr_assert_str_eq(types_cast(&f, OID_TEXT_ARRAY, "{ok,sad}", 20001), "{ok,sad}");
    cr_assert_str_eq(types_cast(&f, 20000, "ok", OID_INT4), "none");
    cr_assert_str_eq(types_cast(&f, OID_INT4, "1", 20000), "none");
    cr_assert_eq(cast_find(20000, OID_TEXT)->context, CAST_ASSIGNMENT);
    cr_assert_eq(cast_find(OID_TEXT, 20000)->context, CAST_EXPLICIT);
    types_done(&f);
}

Test(enum_type, binary_form_is_the_label)
{
    struct types_fixture f;
    struct ky_buffer wire = {0};
    struct datum value;
    types_start(&f);
    const struct user_type mood = define(&f, 20100, "mood", MOODS, 3);
    user_type_put(&mood, 1, true);
    const struct type *type = type_get(20100);
    type->send(type, &f.context, types_value(&f, 20100, "sad"), &wire);
    cr_assert(ky_slice_is(ky_buffer_slice(&wire), "sad"));
    cr_assert_eq(type->receive(type, &f.context, ky_buffer_slice(&wire), -1, &value, &f.err),
                 KY_OK);
    cr_assert_eq(value.word, place(1));
    cr_assert_eq(type->receive(type, &f.context, ky_slice("x", 1), -1, &value, &f.err), KY_ERR);
    cr_assert_eq(f.err.sqlstate, KY_INVALID_TEXT_REPRESENTATION);
    ky_buffer_deinit(&wire);
    types_done(&f);
}

Test(enum_type, older_states_and_those_of_transactions_change_nothing)
{
    static const char *const more[] = {"sad", "ok", "happy", "new"};
    struct types_fixture f;
    types_start(&f);
    const struct user_type three = define(&f, 20200, "mood", MOODS, 3);
    const struct user_type four = define(&f, 20200, "feeling", more, 4);
    user_type_put(&three, 10, true);
    const struct type *type = type_get(20200);
    user_type_put(&four, 11, false);
    cr_assert_eq(types_round(&f, 20200, "new", -1)[0], '2');
    cr_assert_str_eq(type->sql_name, "mood");
    user_type_put(&four, 9, true);
    cr_assert_str_eq(type->sql_name, "mood");
    user_type_put(&four, 12, true);
    cr_assert_str_eq(types_round(&f, 20200, "new", -1), "new");
    cr_assert_str_eq(type->sql_name, "feeling");
    cr_assert_str_eq(type_get(20201)->sql_name, "feeling[]");
    cr_assert_eq(type, type_get(20200), "types do not move");
    types_done(&f);
}

Test(enum_type, a_type_that_never_was_committed_follows_its_transaction)
{
    static const char *const more[] = {"a", "b"};
    struct types_fixture f;
    types_start(&f);
    const struct user_type two = define(&f, 20300, "t", more, 2);
    const struct user_type one = define(&f, 20300, "t", more, 1);
    user_type_put(&two, 5, false);
    cr_assert_str_eq(types_round(&f, 20300, "b", -1), "b");
    user_type_put(&one, 5, false);
    cr_assert_eq(types_round(&f, 20300, "b", -1)[0], '2');
    types_done(&f);
}

struct own_labels {
    oid_t type;
    const struct enum_labels *labels;
};

static const struct enum_labels *
find_own(void *self, oid_t type)
{
    const struct own_labels *own = self;
    return own->type == type ? own->labels : NULL;
}

static bool
no_name(void *self KY_UNUSED, oid_t reg_type KY_UNUSED, oid_t oid KY_UNUSED,
        struct ky_buffer *out KY_UNUSED)
{
    return false;
}

Test(enum_type, what_the_transaction_added_is_not_used_and_what_it_renamed_is)
{
    static const char *const mine[] = {"sad", "fine", "happy", "new"};
    struct types_fixture f;
    types_start(&f);
    const struct user_type committed = define(&f, 20400, "mood", MOODS, 3);
    const struct user_type changed = define(&f, 20400, "mood", mine, 4);
    user_type_put(&committed, 1, true);
    struct own_labels own = {20400, &changed.labels};
    const struct reg_names reg = {.self = &own, .append_name = no_name, .find_labels = find_own};
    f.context.reg = &reg;
    cr_assert_str_eq(types_round(&f, 20400, "new", -1),
                     "55P04 unsafe use of new value \"new\" of enum type mood");
    cr_assert_str_eq(types_round(&f, 20400, "fine", -1), "fine");
    cr_assert_eq(types_round(&f, 20400, "ok", -1)[0], '2');
    f.context.reg = NULL;
    types_done(&f);
}

Test(enum_type, many_types_are_found_and_names_are_quoted)
{
    struct types_fixture f;
    types_start(&f);
    for (oid_t i = 0; i < 5000; i++) {
        const struct user_type type =
            define(&f, 100000 + i * 10, ky_arena_printf(&f.arena, "Type %u", i), MOODS, 3);
        user_type_put(&type, 1, true);
    }
    for (oid_t i = 0; i < 5000; i++) {
        const struct type *type = type_find(100000 + i * 10);
        cr_assert_not_null(type);
        cr_assert_eq(type_get(type->array_oid)->element_oid, type->oid);
        cr_assert_str_eq(type->sql_name, ky_arena_printf(&f.arena, "\"Type %u\"", i));
    }
    cr_assert_null(type_find(100003));
    struct ky_buffer name = {0};
    type_format_full(100011, -1, &name);
    cr_assert(ky_slice_is(ky_buffer_slice(&name), "public.\"Type 1\"[]"));
    ky_buffer_deinit(&name);
    types_done(&f);
}

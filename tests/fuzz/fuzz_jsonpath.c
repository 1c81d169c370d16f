/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The first line is a path, the rest a JSON value. A path that is accepted prints as a path that
 * prints the same; running it on the value neither fails an assertion nor gives what is no jsonb.
 */
#include "server/base/assert.h"
#include "server/func/func.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { OID_FUNC_QUERY_ARRAY_TZ = 1180 };

static void
run(struct func_env *env, struct datum value, struct datum path)
{
    const struct type *jsonb = type_get(OID_JSONB);
    const struct datum args[] = {value, path, datum_cstr("{\"x\": 1, \"y\": [\"a\", null]}"),
                                 datum_word(false)};
    struct ky_error err = {0};
    struct datum found;
    struct datum again;
    if (func_call(func_find(OID_FUNC_QUERY_ARRAY_TZ), env, args, 4, &found, &err) == KY_OK) {
        const ky_status status = jsonb->input(jsonb, &env->types, found.bytes, -1, &again, &err);
        /* Filters may nest a value deeper than jsonb may be. */
        KY_ASSERT(status != KY_OK || ky_slice_equal(found.bytes, again.bytes));
    }
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const uint8_t *line_end = size == 0 ? NULL : memchr(data, '\n', size);
    const size_t path_size = line_end == NULL ? size : (size_t)(line_end - data);
    const struct type *type = type_get(OID_JSONPATH);
    const struct type *jsonb = type_get(OID_JSONB);
    struct ky_arena arena;
    struct func_env env = {0};
    struct ky_error err = {0};
    struct datum path;
    struct datum value;
    ky_arena_init(&arena);
    type_context_init(&env.types, &arena);
    if (type->input(type, &env.types, ky_slice(data, path_size), -1, &path, &err) == KY_OK) {
        struct datum again;
        ky_status status = type->input(type, &env.types, path.bytes, -1, &again, &err);
        KY_ASSERT(status == KY_OK);
        KY_ASSERT(ky_slice_equal(path.bytes, again.bytes));
        if (line_end != NULL &&
            jsonb->input(jsonb, &env.types, ky_slice(line_end + 1, size - path_size - 1), -1,
                         &value, &err) == KY_OK) {
            run(&env, value, path);
        }
    }
    ky_arena_deinit(&arena);
    return 0;
}

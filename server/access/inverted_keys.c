/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>

#include "server/access/inverted.h"
#include "server/base/assert.h"
#include "server/base/json.h"
#include "server/base/map.h"
#include "server/types/array.h"

/*
 * From a value to the keys that an inverted index has for it, and from a condition to the keys that
 * its rows must have. What is told apart is what PostgreSQL's classes tell apart:
 *
 *   array_ops       {1,2,NULL}              element 1, element 2, null     {}: empty
 *   jsonb_ops       {"a": ["x", {"b": 1}]}  name a, name x, name b, number 1
 *   jsonb_path_ops  {"a": ["x", {"b": 1}]}  a / string x, a / b / number 1
 *
 * A string in an array, or alone, counts as a name: `?` asks for it as for a member's name. Objects
 * and arrays without anything in them have no keys, so a query for them asks every row.
 *
 * jsonb is normalised text, written in one way only but for zeros at the end of a fraction: a
 * string's bytes as they stand and a number's without those zeros are equal exactly when the values
 * are. So a value is read in one pass, however large, and nothing is built.
 *
 * Keys are saved with checkpoints: whoever changes what is hashed raises STATE_VERSION in state.c.
 */

enum kind {
    KIND_NAME,
    KIND_NULL,
    KIND_TRUE,
    KIND_FALSE,
    KIND_NUMBER,
    KIND_STRING,
    KIND_ELEMENT,
    KIND_EMPTY,
    KIND_PATH,
    KIND_COUNT,
};

/* The hash's seed for things of one kind in one column. */
static uint64_t
seed_of(uint16_t key, enum kind kind)
{
    return ky_hash_u64((uint64_t)key * KIND_COUNT + (uint64_t)kind);
}

static void
add(struct ky_buffer *out, uint64_t hash)
{
    ky_buffer_append(out, &hash, sizeof(hash));
}

enum inverted_class
inverted_class_of(const struct cat_opclass *opclass)
{
    return opclass->family == GIN_FAMILY_ARRAY   ? INVERTED_ARRAY
           : opclass->family == GIN_FAMILY_JSONB ? INVERTED_JSONB
                                                 : INVERTED_JSONB_PATH;
}

/* ------------------------------------------------------------------ jsonb */

struct walk {
    const uint8_t *at;
    const uint8_t *end;
    struct ky_buffer *out;
    uint16_t key;
    bool has_paths;
};

/* The bytes between the quotes; goes behind them. */
static struct ky_slice
read_string(struct walk *walk)
{
    const uint8_t *start = ++walk->at;
    while (walk->at < walk->end && *walk->at != '"') {
        walk->at += *walk->at == '\\' ? 2 : 1;
    }
    const uint8_t *end = KY_MIN(walk->at, walk->end);
    walk->at = end + 1;
    return ky_slice(start, (size_t)(end - start));
}

/* 1.50 is 1.5, and 1.0 is 1. */
static struct ky_slice
read_number(struct walk *walk)
{
    const uint8_t *start = walk->at;
    bool has_point = false;
    while (walk->at < walk->end && *walk->at != ',' && *walk->at != ']' && *walk->at != '}') {
        has_point = has_point || *walk->at == '.';
        walk->at++;
    }
    size_t size = (size_t)(walk->at - start);
    while (has_point && size > 0 && (start[size - 1] == '0' || start[size - 1] == '.')) {
        size--;
        has_point = start[size] == '0';
    }
    return ky_slice(start, size);
}

static void
add_value(struct walk *walk, uint64_t path, enum kind kind, struct ky_slice text)
{
    const uint64_t seed = seed_of(walk->key, kind);
    add(walk->out, ky_hash_bytes(text.data, text.size, walk->has_paths ? path ^ seed : seed));
}

static void
skip(struct walk *walk, const char *bytes)
{
    while (walk->at < walk->end && strchr(bytes, *walk->at) != NULL) {
        walk->at++;
    }
}

/* path: a hash of the names on the way here. has_name: it is a member's value. */
static void
walk_value(struct walk *walk, uint64_t path, bool has_name)
{
    switch (walk->at < walk->end ? *walk->at : 'n') {
    case '{':
        walk->at++;
        for (skip(walk, " ,"); walk->at < walk->end && *walk->at == '"'; skip(walk, " ,")) {
            const struct ky_slice name = read_string(walk);
            if (!walk->has_paths) {
                add_value(walk, path, KIND_NAME, name);
            }
            skip(walk, " :");
            walk_value(walk, ky_hash_bytes(name.data, name.size, path), true);
        }
        walk->at++;
        break;
    case '[':
        walk->at++;
        for (skip(walk, " ,"); walk->at < walk->end && strchr("]}:", *walk->at) == NULL;
             skip(walk, " ,")) {
            walk_value(walk, path, false);
        }
        walk->at++;
        break;
    case '"':
        add_value(walk, path, has_name || walk->has_paths ? KIND_STRING : KIND_NAME,
                  read_string(walk));
        break;
    case 'n':
        walk->at += strlen("null");
        add_value(walk, path, KIND_NULL, ky_slice(NULL, 0));
        break;
    case 't':
        walk->at += strlen("true");
        add_value(walk, path, KIND_TRUE, ky_slice(NULL, 0));
        break;
    case 'f':
        walk->at += strlen("false");
        add_value(walk, path, KIND_FALSE, ky_slice(NULL, 0));
        break;
    default:
        add_value(walk, path, KIND_NUMBER, read_number(walk));
        break;
    }
}

static void
add_jsonb(bool has_paths, uint16_t key, struct ky_slice text, struct ky_buffer *out)
{
    const uint8_t *start = text.data;
    struct walk walk = {
        .at = start, .end = start + text.size, .out = out, .key = key, .has_paths = has_paths};
    walk_value(&walk, seed_of(key, KIND_PATH), false);
}

/* The key of a name that was asked for as text. */
static void
add_name(uint16_t key, struct ky_slice name, struct ky_buffer *scratch, struct ky_buffer *out)
{
    ky_buffer_clear(scratch);
    json_write_string(scratch, name);
    add(out, ky_hash_bytes(scratch->data + 1, scratch->size - 2, seed_of(key, KIND_NAME)));
}

/* ------------------------------------------------------------------ arrays */

static void
add_array(uint16_t key, struct ky_slice array, struct ky_buffer *out)
{
    struct array_view view;
    struct ky_buffer scratch = {0};
    array_open(array, &view);
    const uint8_t *cursor = view.first;
    const uint64_t seed = seed_of(key, KIND_ELEMENT);
    for (uint32_t i = 0; i < view.count; i++) {
        const struct datum element = array_next(&view, &cursor);
        if (element.is_null) {
            add(out, seed_of(key, KIND_NULL));
            continue;
        }
        ky_buffer_clear(&scratch);
        view.element->key(view.element, element, &scratch);
        add(out, ky_hash_bytes(scratch.data, scratch.size, seed));
    }
    if (view.count == 0) {
        add(out, seed_of(key, KIND_EMPTY));
    }
    ky_buffer_deinit(&scratch);
}

/* ------------------------------------------------------------------ values */

void
inverted_add_keys(enum inverted_class class, uint16_t key, struct datum value,
                  struct ky_buffer *out)
{
    if (class == INVERTED_ARRAY) {
        add_array(key, value.bytes, out);
    } else {
        add_jsonb(class == INVERTED_JSONB_PATH, key, value.bytes, out);
    }
}

static int
compare_numbers(const void *left, const void *right)
{
    uint64_t a;
    uint64_t b;
    memcpy(&a, left, sizeof(a));
    memcpy(&b, right, sizeof(b));
    return (a > b) - (a < b);
}

void
inverted_seal_keys(struct ky_buffer *keys, size_t start)
{
    const size_t count = (keys->size - start) / INVERTED_KEY_SIZE;
    if (count == 0) {
        return;
    }
    uint8_t *list = keys->data + start;
    qsort(list, count, INVERTED_KEY_SIZE, compare_numbers);
    uint64_t last = 0;
    size_t kept = 0;
    for (size_t i = 0; i < count; i++) {
        uint64_t hash;
        memcpy(&hash, list + i * INVERTED_KEY_SIZE, sizeof(hash));
        if (kept == 0 || hash != last) {
            ky_store_be64(list + kept * INVERTED_KEY_SIZE, hash);
            last = hash;
            kept++;
        }
    }
    keys->size = start + kept * INVERTED_KEY_SIZE;
}

/* ------------------------------------------------------------------ conditions */

/* Arrays: null elements are in nothing, and equal to each other. */
static enum inverted_need
array_query(uint16_t key, enum gin_strategy strategy, struct ky_slice value, struct ky_buffer *out)
{
    struct array_view view;
    array_open(value, &view);
    const uint8_t *cursor = view.first;
    uint32_t nulls = 0;
    for (uint32_t i = 0; i < view.count; i++) {
        nulls += array_next(&view, &cursor).is_null;
    }
    const bool is_empty = nulls == view.count;
    switch (strategy) {
    case GIN_ARRAY_CONTAINS:
        if (nulls > 0) {
            return INVERTED_NEEDS_ANY;
        }
        if (view.count == 0) {
            return INVERTED_NEEDS_NOTHING;
        }
        break;
    case GIN_ARRAY_OVERLAPS:
        if (is_empty) {
            return INVERTED_NEEDS_ANY;
        }
        break;
    default:
        break;
    }
    /* The null's key does no harm to whoever is content with any of them. */
    add_array(key, value, out);
    if (strategy == GIN_ARRAY_CONTAINED && view.count > 0) {
        add(out, seed_of(key, KIND_EMPTY));
    }
    return strategy == GIN_ARRAY_CONTAINED || strategy == GIN_ARRAY_OVERLAPS ? INVERTED_NEEDS_ANY
                                                                             : INVERTED_NEEDS_ALL;
}

/* Null names are not asked for. */
static enum inverted_need
names_query(uint16_t key, enum gin_strategy strategy, struct datum value, struct ky_buffer *out)
{
    struct ky_buffer scratch = {0};
    const size_t start = out->size;
    if (strategy == GIN_JSONB_EXISTS) {
        add_name(key, value.bytes, &scratch, out);
    } else {
        struct array_view view;
        array_open(value.bytes, &view);
        const uint8_t *cursor = view.first;
        for (uint32_t i = 0; i < view.count; i++) {
            const struct datum name = array_next(&view, &cursor);
            if (!name.is_null) {
                add_name(key, name.bytes, &scratch, out);
            }
        }
    }
    ky_buffer_deinit(&scratch);
    return strategy == GIN_JSONB_EXISTS_ANY ? INVERTED_NEEDS_ANY
           : out->size > start              ? INVERTED_NEEDS_ALL
                                            : INVERTED_NEEDS_NOTHING;
}

enum inverted_need
inverted_query_keys(enum inverted_class class, uint16_t key, enum gin_strategy strategy,
                    struct datum value, struct ky_buffer *out)
{
    const size_t start = out->size;
    enum inverted_need need = INVERTED_NEEDS_NOTHING;
    switch (strategy) {
    case GIN_ARRAY_OVERLAPS:
    case GIN_ARRAY_CONTAINS:
    case GIN_ARRAY_CONTAINED:
    case GIN_ARRAY_EQUAL:
        KY_ASSERT(class == INVERTED_ARRAY);
        need = array_query(key, strategy, value.bytes, out);
        break;
    case GIN_JSONB_EXISTS:
    case GIN_JSONB_EXISTS_ANY:
    case GIN_JSONB_EXISTS_ALL:
        KY_ASSERT(class == INVERTED_JSONB);
        need = names_query(key, strategy, value, out);
        break;
    case GIN_JSONB_CONTAINS:
        inverted_add_keys(class, key, value, out);
        need = out->size > start ? INVERTED_NEEDS_ALL : INVERTED_NEEDS_NOTHING;
        break;
    case GIN_NONE:
        break;
    }
    inverted_seal_keys(out, start);
    return need;
}

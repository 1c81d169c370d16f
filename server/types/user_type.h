/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "server/types/cast.h"
#include "server/types/type.h"

/*
 * Types that users make: enums, the arrays of them, and domains. A domain is a name: its `struct
 * type` is found by its OID and says how it is called, while values, columns and expressions have
 * its base type. The catalog keeps them and says here what they are; type_find then gives a `struct
 * type` that lives, at one place, as long as the process, so that columns and plans may point to
 * it. Finding takes no lock.
 *
 * A value of an enum is one word, its place in the type's order: a label that CREATE TYPE lists as
 * the i-th (from 1) has i << ENUM_PLACE_BITS, one added between two others has the middle. Words
 * are never reused or changed, so they order, hash and index as those of int8 do.
 */
enum { ENUM_PLACE_BITS = 40, ENUM_LABEL_SIZE_MAX = 63 };

struct enum_label {
    oid_t oid;
    int64_t word;
    const char *name;
};

/* All labels of a type; immutable. */
struct enum_labels {
    uint32_t count;
    const struct enum_label *labels; /* ascending by word */
    const uint32_t *by_name;         /* places in labels, ascending by name */
};

/* Takes over labels, which ascend by word. */
void enum_labels_init(struct enum_labels *out, const struct enum_label *labels, uint32_t count,
                      struct ky_arena *arena);
/* NULL: there is none. */
const struct enum_label *enum_labels_find(const struct enum_labels *labels, struct ky_slice name);
const struct enum_label *enum_labels_find_word(const struct enum_labels *labels, int64_t word);
const struct enum_label *enum_labels_find_oid(const struct enum_labels *labels, oid_t oid);
/* Those of an enum as the context's transaction has them. */
const struct enum_labels *enum_labels_of(const struct type *type,
                                         const struct type_context *context);
/* A label that the transaction itself added is not yet to be stored: 55P04. */
KY_MUST_CHECK ky_status enum_check_use(const struct type *type, const struct type_context *context,
                                       const struct enum_label *label, struct ky_error *err);

struct user_type {
    oid_t oid;
    oid_t array_oid; /* a domain has none */
    const char *name;
    const char *array_name;
    const char *schema;
    struct enum_labels labels;
    const struct type *base; /* a domain's values are of it; NULL: an enum */
};

/**
 * Makes a type known, or brings what is known up to date. version orders committed states: an
 * older one changes nothing. What is not committed changes only types that never were; nobody but
 * their transaction can name those. Everything is copied.
 */
void user_type_put(const struct user_type *type, uint64_t version, bool is_committed);
/* For cast.c: where one of the two is a user's. */
const struct cast *user_type_cast(oid_t source, oid_t target);

/* What the values of a domain are of; any other type itself. */
const struct type *type_base(const struct type *type);

static inline bool
type_is_user(const struct type *type)
{
    return type->oid >= OID_FIRST_USER;
}

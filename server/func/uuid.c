/* SPDX-License-Identifier: Apache-2.0 */
#include <openssl/evp.h>

#include "server/base/clock.h"
#include "server/base/random.h"
#include "server/func/func_private.h"

/*
 * Identifiers: gen_random_uuid, and what the extension uuid-ossp would bring. RFC 4122: version 1
 * (section 4.2) from the time and a random node, 3 and 5 (4.3) from a name, 4 (4.4) from chance.
 */

enum { UUID_SIZE = 16 };

/* 100 ns between 1582-10-15 and 1970-01-01. */
#define UUID_EPOCH INT64_C(0x01b21dd213814000)

static struct datum
finish(struct func_env *env, const uint8_t bytes[UUID_SIZE], int version)
{
    uint8_t *uuid = ky_arena_alloc(env->types.arena, UUID_SIZE);
    memcpy(uuid, bytes, UUID_SIZE);
    uuid[6] = (uint8_t)((uuid[6] & 0x0f) | version << 4);
    uuid[8] = (uint8_t)((uuid[8] & 0x3f) | 0x80); /* the RFC's variant */
    return datum_bytes(uuid, UUID_SIZE);
}

SCALAR(gen_random_uuid)
{
    uint8_t bytes[UUID_SIZE];
    ky_random_bytes(bytes, sizeof(bytes));
    *out = finish(env, bytes, 4);
    return KY_OK;
}

/* The node and the clock sequence are random, new for each: no two servers or threads share them.
 * The node's multicast bit tells it from a network card's address. */
SCALAR(uuid_generate_v1)
{
    uint8_t bytes[UUID_SIZE];
    const uint64_t time = (uint64_t)(ky_wall_us() * 10 + UUID_EPOCH);
    ky_random_bytes(bytes + 8, 8);
    ky_store_be32(bytes, (uint32_t)time);
    ky_store_be16(bytes + 4, (uint16_t)(time >> 32));
    ky_store_be16(bytes + 6, (uint16_t)(time >> 48));
    bytes[10] |= 1;
    *out = finish(env, bytes, 1);
    return KY_OK;
}

static ky_status
of_name(struct func_env *env, const struct datum *args, const EVP_MD *kind, int version,
        struct datum *out, struct ky_error *err)
{
    uint8_t digest[EVP_MAX_MD_SIZE];
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    const bool is_done = context != NULL && EVP_DigestInit_ex(context, kind, NULL) == 1 &&
                         EVP_DigestUpdate(context, args[0].bytes.data, args[0].bytes.size) == 1 &&
                         EVP_DigestUpdate(context, args[1].bytes.data, args[1].bytes.size) == 1 &&
                         EVP_DigestFinal_ex(context, digest, NULL) == 1;
    EVP_MD_CTX_free(context);
    if (!is_done) {
        return ky_error_set(err, KY_INTERNAL_ERROR, "could not compute the digest");
    }
    *out = finish(env, digest, version);
    return KY_OK;
}

SCALAR(uuid_generate_v3)
{
    return of_name(env, args, EVP_md5(), 3, out, err);
}

SCALAR(uuid_generate_v5)
{
    return of_name(env, args, EVP_sha1(), 5, out, err);
}

/* RFC 4122, appendix C. */
#define NAME_SPACE(name, number)                               \
    SCALAR(name)                                               \
    {                                                          \
        static const uint8_t bytes[UUID_SIZE] = {              \
            0x6b, 0xa7, 0xb8, number, 0x9d, 0xad, 0x11, 0xd1,  \
            0x80, 0xb4, 0x00, 0xc0,   0x4f, 0xd4, 0x30, 0xc8}; \
        *out = datum_bytes(bytes, UUID_SIZE);                  \
        return KY_OK;                                          \
    }
NAME_SPACE(uuid_ns_dns, 0x10)
NAME_SPACE(uuid_ns_url, 0x11)
NAME_SPACE(uuid_ns_oid, 0x12)
NAME_SPACE(uuid_ns_x500, 0x14)

SCALAR(uuid_nil)
{
    static const uint8_t zeros[UUID_SIZE];
    *out = datum_bytes(zeros, UUID_SIZE);
    return KY_OK;
}

/* Facts as in pg_proc; ours are the extension's. */
static const struct func funcs[] = {
    FUNC(3432, "gen_random_uuid", OID_UUID, 'v', true, NO_ARGS, .scalar = gen_random_uuid),
    FUNC(15420, "uuid_nil", OID_UUID, 'i', true, NO_ARGS, .scalar = uuid_nil),
    FUNC(15421, "uuid_ns_dns", OID_UUID, 'i', true, NO_ARGS, .scalar = uuid_ns_dns),
    FUNC(15422, "uuid_ns_url", OID_UUID, 'i', true, NO_ARGS, .scalar = uuid_ns_url),
    FUNC(15423, "uuid_ns_oid", OID_UUID, 'i', true, NO_ARGS, .scalar = uuid_ns_oid),
    FUNC(15424, "uuid_ns_x500", OID_UUID, 'i', true, NO_ARGS, .scalar = uuid_ns_x500),
    FUNC(15425, "uuid_generate_v1", OID_UUID, 'v', true, NO_ARGS, .scalar = uuid_generate_v1),
    FUNC(15426, "uuid_generate_v1mc", OID_UUID, 'v', true, NO_ARGS, .scalar = uuid_generate_v1),
    FUNC(15427, "uuid_generate_v3", OID_UUID, 'i', true, ARGS(OID_UUID, OID_TEXT),
         .scalar = uuid_generate_v3),
    FUNC(15428, "uuid_generate_v4", OID_UUID, 'v', true, NO_ARGS, .scalar = gen_random_uuid),
    FUNC(15429, "uuid_generate_v5", OID_UUID, 'i', true, ARGS(OID_UUID, OID_TEXT),
         .scalar = uuid_generate_v5),
};

const struct func_table func_table_uuid = {funcs, KY_COUNT_OF(funcs), NULL, 0};

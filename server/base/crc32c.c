/* SPDX-License-Identifier: Apache-2.0 */

/*
 * CRC-32C, reflected polynomial 0x82f63b78, ones before and after. Where the processor has the
 * instruction it is used (found at the first call); otherwise eight tables take eight bytes at a
 * time (Kounavis and Berry, "Novel table lookup-based algorithms for high-performance CRC
 * generation").
 */

#include "server/base/crc32c.h"

#include <pthread.h>
#include <stdatomic.h>

#include "server/base/cpu.h"
#include "server/base/crc32c_private.h"
#include "server/base/endian.h"

#if defined(__x86_64__)
#include <nmmintrin.h>
#define CRC_TARGET __attribute__((target("sse4.2")))
#define CRC_STEP_8(crc, word) ((uint32_t)_mm_crc32_u64((crc), (word)))
#define CRC_STEP_1(crc, byte) ((uint32_t)_mm_crc32_u8((crc), (byte)))
#elif defined(__aarch64__)
#include <sys/auxv.h>
enum { HWCAP_BIT_CRC32 = 1 << 7 };
#if defined(__clang__)
#define CRC_TARGET __attribute__((target("crc")))
#define CRC_STEP_8(crc, word) __builtin_arm_crc32cd((crc), (word))
#define CRC_STEP_1(crc, byte) __builtin_arm_crc32cb((crc), (byte))
#else
#define CRC_TARGET __attribute__((target("+crc")))
#define CRC_STEP_8(crc, word) __builtin_aarch64_crc32cx((crc), (word))
#define CRC_STEP_1(crc, byte) __builtin_aarch64_crc32cb((crc), (byte))
#endif
#endif

typedef uint32_t (*crc_function)(uint32_t crc, const void *data, size_t size);

static uint32_t crc_tables[8][256]; /* immutable after build_tables */
static pthread_once_t crc_tables_once = PTHREAD_ONCE_INIT;

static void
build_tables(void)
{
    for (uint32_t byte = 0; byte < 256; byte++) {
        uint32_t crc = byte;
        for (int bit = 0; bit < 8; bit++) {
            crc = (crc >> 1) ^ ((crc & 1) != 0 ? 0x82f63b78U : 0);
        }
        crc_tables[0][byte] = crc;
    }
    for (uint32_t byte = 0; byte < 256; byte++) {
        for (int table = 1; table < 8; table++) {
            uint32_t crc = crc_tables[table - 1][byte];
            crc_tables[table][byte] = (crc >> 8) ^ crc_tables[0][crc & 0xff];
        }
    }
}

uint32_t
ky_crc32c_portable(uint32_t crc, const void *data, size_t size)
{
    (void)pthread_once(&crc_tables_once, build_tables);
    const uint8_t *p = (const uint8_t *)data;
    crc = ~crc;
    for (; size >= 8; p += 8, size -= 8) {
        uint32_t low = ky_load_le32(p) ^ crc;
        uint32_t high = ky_load_le32(p + 4);
        crc = crc_tables[7][low & 0xff] ^ crc_tables[6][(low >> 8) & 0xff] ^
              crc_tables[5][(low >> 16) & 0xff] ^ crc_tables[4][low >> 24] ^
              crc_tables[3][high & 0xff] ^ crc_tables[2][(high >> 8) & 0xff] ^
              crc_tables[1][(high >> 16) & 0xff] ^ crc_tables[0][high >> 24];
    }
    for (; size > 0; p++, size--) {
        crc = (crc >> 8) ^ crc_tables[0][(crc ^ *p) & 0xff];
    }
    return ~crc;
}

#ifdef CRC_TARGET
CRC_TARGET static uint32_t
crc32c_hardware(uint32_t crc, const void *data, size_t size)
{
    const uint8_t *p = (const uint8_t *)data;
    crc = ~crc;
    for (; size >= 8; p += 8, size -= 8) {
        crc = CRC_STEP_8(crc, ky_load_le64(p));
    }
    for (; size > 0; p++, size--) {
        crc = CRC_STEP_1(crc, *p);
    }
    return ~crc;
}
#endif

static uint32_t crc32c_choose(uint32_t crc, const void *data, size_t size);

/* Relaxed: whichever value a thread sees, the function is right. */
static _Atomic(crc_function) crc32c_chosen = crc32c_choose;

static uint32_t
crc32c_choose(uint32_t crc, const void *data, size_t size)
{
    crc_function chosen = ky_crc32c_portable;
#if defined(__x86_64__)
    if (ky_cpu()->has_sse42) {
        chosen = crc32c_hardware;
    }
#elif defined(__aarch64__)
    if ((getauxval(AT_HWCAP) & HWCAP_BIT_CRC32) != 0) {
        chosen = crc32c_hardware;
    }
#endif
    atomic_store_explicit(&crc32c_chosen, chosen, memory_order_relaxed);
    return chosen(crc, data, size);
}

uint32_t
ky_crc32c(uint32_t crc, const void *data, size_t size)
{
    return atomic_load_explicit(&crc32c_chosen, memory_order_relaxed)(crc, data, size);
}

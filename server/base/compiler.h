/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stddef.h>
#include <stdint.h>

/* Compiler attributes behind plain names, so that the code reads as C. */

#define KY_MUST_CHECK __attribute__((warn_unused_result))
#define KY_PRINTF(format_index, first) __attribute__((format(printf, format_index, first)))
#define KY_NORETURN __attribute__((noreturn))
#define KY_UNUSED __attribute__((unused))
#define KY_COLD __attribute__((cold))
#define KY_FALLTHROUGH __attribute__((fallthrough))
#define KY_ALIGNED(n) __attribute__((aligned(n)))
#define KY_LIKELY(x) __builtin_expect(!!(x), 1)
#define KY_UNLIKELY(x) __builtin_expect(!!(x), 0)
#define KY_COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))
#define KY_CONTAINER_OF(pointer, type, member) \
    ((type *)(void *)((char *)(pointer)-offsetof(type, member)))
#define KY_MIN(a, b) ((a) < (b) ? (a) : (b))
#define KY_MAX(a, b) ((a) > (b) ? (a) : (b))

/* For the reader: Clang 14 cannot resolve a sibling member, so it expands to nothing. */
#define KY_GUARDED_BY(lock)

#if defined(__clang__)
#define KY_CAPABILITY(name) __attribute__((capability(name)))
#define KY_REQUIRES(...) __attribute__((requires_capability(__VA_ARGS__)))
#define KY_ACQUIRE(...) __attribute__((acquire_capability(__VA_ARGS__)))
#define KY_TRY_ACQUIRE(...) __attribute__((try_acquire_capability(__VA_ARGS__)))
#define KY_RELEASE(...) __attribute__((release_capability(__VA_ARGS__)))
#define KY_NO_THREAD_SAFETY_ANALYSIS __attribute__((no_thread_safety_analysis))
#else
#define KY_CAPABILITY(name)
#define KY_REQUIRES(...)
#define KY_ACQUIRE(...)
#define KY_TRY_ACQUIRE(...)
#define KY_RELEASE(...)
#define KY_NO_THREAD_SAFETY_ANALYSIS
#endif

static inline size_t
ky_align_up(size_t value, size_t alignment)
{
    return (value + alignment - 1) & ~(alignment - 1);
}

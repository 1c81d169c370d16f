/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "server/base/compiler.h"

/* Logs file, line and condition, then aborts. Recovery is what makes this safe. */
KY_NORETURN KY_COLD void ky_assert_failed(const char *condition, const char *file, int line);

/* Preconditions and state machines; stays on in release. One condition per assert. */
#define KY_ASSERT(condition) \
    (KY_LIKELY(condition) ? (void)0 : ky_assert_failed(#condition, __FILE__, __LINE__))

/* Walks of whole structures: debug and sanitizer builds only. */
#ifdef KY_SLOW_ASSERTS
#define KY_ASSERT_SLOW(condition) KY_ASSERT(condition)
#else
#define KY_ASSERT_SLOW(condition) ((void)sizeof(condition))
#endif

#define KY_UNREACHABLE() ky_assert_failed("unreachable", __FILE__, __LINE__)

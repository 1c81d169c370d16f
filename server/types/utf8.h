/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "server/base/error.h"
#include "server/base/slice.h"

/* Text is UTF-8 without zero bytes. 22021 with PostgreSQL's text where it is not. */
KY_MUST_CHECK ky_status utf8_validate(struct ky_slice text, struct ky_error *err);
/* Characters in valid UTF-8. */
size_t utf8_count(struct ky_slice text);
/* Bytes of the first count characters, or all when there are fewer. */
size_t utf8_prefix_size(struct ky_slice text, size_t count);
/* The largest size <= limit that does not cut a character. */
size_t utf8_cut(struct ky_slice text, size_t limit);

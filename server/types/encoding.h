/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "server/base/slice.h"

/* Character encodings by PostgreSQL's numbers. The server stores and speaks UTF-8; what else has a
 * name is known so that it can be refused for what it is. */
enum { ENCODING_UNKNOWN = -1, ENCODING_SQL_ASCII = 0, ENCODING_UTF8 = 6 };

/* By any of its names, written in any way: 'utf-8', UTF8, "Unicode". */
int encoding_find(struct ky_slice name);
/* "UTF8"; empty: there is none of that number. */
const char *encoding_name(int64_t number);

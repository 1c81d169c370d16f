/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "server/base/buffer.h"

/* A name as SQL reads it back: in double quotes where it is not plain, or a key word. */
void identifier_append(struct ky_slice name, struct ky_buffer *out);

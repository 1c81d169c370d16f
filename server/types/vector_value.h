/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "server/types/type.h"

/* vector as bytes: dimension count floats, little-endian, nothing else. Not aligned. */
enum { VECTOR_DIMENSIONS_MAX = 16000 };
static inline uint32_t
vector_dimensions(struct ky_slice value)
{
    return (uint32_t)(value.size / sizeof(float));
}

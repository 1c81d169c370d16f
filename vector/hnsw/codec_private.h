/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "vector/hnsw/codec.h"

/* The vector as floats, normalised for cosine. */
void codec_floats(const struct codec *codec, const void *values, float *floats);
/* A whole number from low to low + 255, bit for bit: minus zero is none. */
bool codec_is_whole(float value, int low);
void codec_set_form(struct codec *codec, enum code_form form, size_t size);

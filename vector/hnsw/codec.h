/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "vector/collection.h"
#include "vector/distance/code.h"
#include "vector/distance/distance.h"

/*
 * What a graph is walked by: for each vector a row of bytes, and a key for each pair of rows, a
 * number in the order of their distances (or near it). Every metric is brought to one of these
 * forms: cosine is L2 of the normalised vectors; inner product is L2 with one more dimension that
 * makes all vectors equally long (so that the longest product is the nearest).
 */
enum code_form {
    CODE_BYTES_L2,
    CODE_BYTES_L1,
    CODE_BITS_HAMMING,
    CODE_BITS_JACCARD,
    CODE_FLOATS_L2,
    CODE_FLOATS_L1,
};

struct codec {
    struct vector_options options;
    enum code_form form;
    bool is_exact;  /* a code is the vector, and is all that is kept of it */
    bool has_extra; /* bytes of an inner product: the further dimension is a float behind them */
    uint8_t zero;   /* exact bytes: the byte that stands for 0 */
    size_t size;    /* bytes that are compared */
    size_t stride;  /* from one row to the next, a multiple of 64 unless rows are shorter */
    float step;     /* bytes: what one of the code is worth */
    float norm_squared_max; /* inner product */
    float *center;          /* owned; one float for each dimension; bytes that are not exact */
    const struct code_kernels *bytes;
    const struct distance_kernels *floats;
};

/* Where vectors come from: the i-th one, as stored. */
typedef const void *(*codec_source)(void *arg, uint64_t index);
/* Looks at all (for exactness) or a sample (for the scale) of count vectors. */
void codec_choose(struct codec *codec, const struct vector_options *options, codec_source source,
                  void *arg, uint64_t count);
void codec_deinit(struct codec *codec);
/* Fills in what follows from the rest of a saved codec, but the center. False when the parts do not
 * belong together. */
bool codec_restore(struct codec *codec, bool has_center);
/* What it is called outside. */
enum vector_codec codec_kind(const struct codec *codec);

/* Makes the code of a vector; false when it does not fit: then an exact code is not the vector, and
 * any other stands for one that is nearer than it should be. row_out has stride bytes. */
bool codec_encode(const struct codec *codec, const void *values, void *row_out);
/* How far a code of bytes is from the vector it stands for (for cosine: both of length one; for L1
 * by that metric), rounded up. With it a distance of codes bounds that of the vectors. 0 for codes
 * without errors. Of an inner product: how far with the further dimension, infinite for a vector
 * that is longer than the longest was. A query has no such dimension. */
float codec_error(const struct codec *codec, const void *values, const void *row);
float codec_query_error(const struct codec *codec, const void *values, const void *row);
/* Do distances of codes and errors bound distances? */
static inline bool
codec_has_errors(const struct codec *codec)
{
    return codec->form <= CODE_BYTES_L1 && !codec->is_exact;
}
/* An exact code's vector, as stored. */
void codec_decode(const struct codec *codec, const void *row, void *values_out);
/* Is it of use for a query: true unless too much of it was cut off. An exact query's keys are in
 * the exact order. */
bool codec_encode_query(const struct codec *codec, const void *values, void *row_out,
                        bool *is_exact_out);

/* Keys of rows, each a code of this codec, against one. */
void codec_keys(const struct codec *codec, const uint8_t *query, const uint8_t *const *rows,
                uint32_t count, uint32_t *keys_out);
/* A key as a number: distances compare by their ratio, too. Not for keys of ranks. */
static inline float
codec_key_value(const struct codec *codec, uint32_t key)
{
    if (codec->form >= CODE_BITS_JACCARD || codec->has_extra) {
        float value;
        __builtin_memcpy(&value, &key, sizeof(value));
        return value;
    }
    return (float)key;
}

/* A key in the order of any number, negative ones too; not a number is the last. */
static inline uint32_t
key_of_rank(double rank)
{
    float value = (float)rank;
    uint32_t bits;
    __builtin_memcpy(&bits, &value, sizeof(bits));
    if (value != value) {
        return UINT32_MAX;
    }
    return (bits & 0x80000000U) != 0 ? ~bits : bits | 0x80000000U;
}

/* SPDX-License-Identifier: Apache-2.0 */

/* Making codes, and keys of pairs of them. How they are chosen: codec_choose.c. */

#include <math.h>
#include <stdlib.h>

#include "server/base/arena.h"
#include "server/base/assert.h"
#include "vector/hnsw/codec_private.h"

enum { LINE = 64 };

/* ------------------------------------------------------------------ vectors as floats */

static bool
is_normalised(const struct codec *codec)
{
    return codec->options.metric == VECTOR_COSINE;
}

/* The vector as floats, normalised for cosine. */
void
codec_floats(const struct codec *codec, const void *values, float *floats)
{
    size_t count = codec->options.dimension;
    if (codec->options.element == VECTOR_F16) {
        codec->bytes->widen((const uint16_t *)values, floats, count);
    } else {
        memcpy(floats, values, count * sizeof(float));
    }
    if (is_normalised(codec)) {
        double norm = sqrt((double)codec->floats->inner_product(floats, floats, count));
        float factor = norm > 0 && isfinite(norm) ? (float)(1 / norm) : 0;
        for (size_t i = 0; i < count; i++) {
            floats[i] *= factor;
        }
    }
}

/* What makes a vector as long as the longest one, squared away from it. */
static float
extra_of(const struct codec *codec, const float *floats)
{
    float norm_squared = codec->floats->inner_product(floats, floats, codec->options.dimension);
    float rest = codec->norm_squared_max - norm_squared;
    return rest > 0 ? sqrtf(rest) : 0;
}

bool
codec_is_whole(float value, int low)
{
    /* The bits must come back: minus zero does not. */
    int whole = value >= (float)low && value <= (float)(low + 255) ? (int)value : low - 1;
    float back = (float)whole;
    return whole >= low && memcmp(&back, &value, sizeof(value)) == 0;
}

void
codec_set_form(struct codec *codec, enum code_form form, size_t size)
{
    codec->form = form;
    codec->size = size;
    size_t whole = size + (codec->has_extra ? sizeof(float) : 0);
    codec->stride = ky_align_up(whole, whole > LINE / 2 ? LINE : 16);
}

void
codec_deinit(struct codec *codec)
{
    ky_free(codec->center);
    codec->center = NULL;
}

/* Bytes of the form; 0 when it is none for these options. */
static size_t
size_of_form(const struct codec *codec, bool has_center)
{
    const struct vector_options *options = &codec->options;
    bool is_product = options->metric == VECTOR_INNER_PRODUCT;
    bool is_l1 = options->metric == VECTOR_L1;
    bool is_bit = options->element == VECTOR_BIT;
    size_t bits = (options->dimension + 7) / 8;
    switch (codec->form) {
    case CODE_BYTES_L2:
    case CODE_BYTES_L1:
        return is_bit || (codec->form == CODE_BYTES_L1) != is_l1 || has_center == codec->is_exact ||
                       (codec->is_exact && codec->step != 1) || (codec->has_extra != is_product)
                   ? 0
                   : options->dimension;
    case CODE_BITS_HAMMING:
        return is_bit ? (options->metric == VECTOR_HAMMING && codec->is_exact ? bits : 0)
                      : (has_center && !codec->is_exact ? bits : 0);
    case CODE_BITS_JACCARD:
        return is_bit && options->metric == VECTOR_JACCARD && codec->is_exact ? bits : 0;
    case CODE_FLOATS_L2:
    case CODE_FLOATS_L1:
        return is_bit || codec->is_exact || (codec->form == CODE_FLOATS_L1) != is_l1
                   ? 0
                   : (options->dimension + (is_product ? 1U : 0U)) * sizeof(float);
    }
    return 0;
}

bool
codec_restore(struct codec *codec, bool has_center)
{
    size_t size = size_of_form(codec, has_center);
    bool is_sound = size > 0 && isfinite(codec->step) && (codec->step > 0 || !has_center) &&
                    codec->norm_squared_max >= 0 && (codec->zero == 0 || codec->zero == 128) &&
                    (!codec->has_extra || codec->form == CODE_BYTES_L2);
    if (is_sound) {
        codec->bytes = code_kernels();
        codec->floats = distance_kernels();
        codec_set_form(codec, codec->form, size);
    }
    return is_sound;
}

enum vector_codec
codec_kind(const struct codec *codec)
{
    switch (codec->form) {
    case CODE_BYTES_L2:
    case CODE_BYTES_L1:
        return VECTOR_CODEC_BYTE;
    case CODE_BITS_HAMMING:
    case CODE_BITS_JACCARD:
        return codec->is_exact ? VECTOR_CODEC_VALUES : VECTOR_CODEC_SIGN;
    case CODE_FLOATS_L2:
    case CODE_FLOATS_L1:
        return VECTOR_CODEC_VALUES;
    }
    KY_UNREACHABLE();
}

/* ------------------------------------------------------------------ encoding */

/* How far the floats go beyond what the bytes can say, squared, in steps. */
static float
encode_bytes(const struct codec *codec, const float *floats, uint8_t *row)
{
    float factor = 1 / codec->step;
    float cut = 0;
    for (uint32_t i = 0; i < codec->options.dimension; i++) {
        float center = codec->center != NULL ? codec->center[i] : 0;
        float zero = codec->is_exact ? (float)codec->zero : 128;
        float code = (floats[i] - center) * factor + zero;
        float inside = code >= 0 ? code : 0; /* not a number too */
        inside = inside <= 255 ? inside : 255;
        float beyond = code - inside;
        cut += beyond * beyond;
        row[i] = (uint8_t)(inside + 0.5F);
    }
    return cut;
}

static void
encode_signs(const struct codec *codec, const float *floats, uint8_t *row)
{
    for (uint32_t i = 0; i < codec->options.dimension; i++) {
        if (floats[i] > codec->center[i]) {
            row[i / 8] = (uint8_t)(row[i / 8] | 0x80U >> i % 8);
        }
    }
}

/* Floats of a vector in the codec's form; returns what was cut off, squared, in steps. */
static float
encode_floats(const struct codec *codec, const float *floats, float extra, uint8_t *row)
{
    float cut = 0;
    size_t count = codec->options.dimension;
    memset(row, 0, codec->stride);
    switch (codec->form) {
    case CODE_BYTES_L2:
    case CODE_BYTES_L1:
        cut = encode_bytes(codec, floats, row);
        if (codec->has_extra) {
            memcpy(row + codec->stride - sizeof(extra), &extra, sizeof(extra));
        }
        break;
    case CODE_BITS_HAMMING:
    case CODE_BITS_JACCARD:
        encode_signs(codec, floats, row);
        break;
    case CODE_FLOATS_L2:
    case CODE_FLOATS_L1:
        memcpy(row, floats, count * sizeof(float));
        if (codec->size > count * sizeof(float)) {
            memcpy(row + count * sizeof(float), &extra, sizeof(extra));
        }
        break;
    }
    return cut;
}

enum { STACK_FLOATS = 2048 };

static float
encode(const struct codec *codec, const void *values, bool is_query, uint8_t *row,
       bool *is_whole_out)
{
    float stack[STACK_FLOATS];
    uint32_t count = codec->options.dimension;
    float *floats = count <= STACK_FLOATS ? stack : (float *)ky_malloc(count * sizeof(float));
    codec_floats(codec, values, floats);
    bool has_extra = codec->options.metric == VECTOR_INNER_PRODUCT && !is_query;
    float cut = encode_floats(codec, floats, has_extra ? extra_of(codec, floats) : 0, row);
    *is_whole_out = codec->is_exact;
    for (uint32_t i = 0; i < count && *is_whole_out; i++) {
        *is_whole_out = codec_is_whole(floats[i], -(int)codec->zero);
    }
    if (floats != stack) {
        ky_free(floats);
    }
    return cut;
}

/* An inner product's codes are about vectors made as long as the longest when they were chosen: a
 * longer one is ranked behind its place. */
static bool
is_longer_than_longest(const struct codec *codec, const void *values)
{
    float stack[STACK_FLOATS];
    uint32_t count = codec->options.dimension;
    float *floats = count <= STACK_FLOATS ? stack : (float *)ky_malloc(count * sizeof(float));
    codec_floats(codec, values, floats);
    float norm_squared = codec->floats->inner_product(floats, floats, count);
    if (floats != stack) {
        ky_free(floats);
    }
    return !(norm_squared <= codec->norm_squared_max);
}

bool
codec_encode(const struct codec *codec, const void *values, void *row_out)
{
    uint8_t *row = (uint8_t *)row_out;
    if (codec->options.element == VECTOR_BIT) {
        memset(row, 0, codec->stride);
        memcpy(row, values, codec->size);
        return true;
    }
    bool is_whole_code = false;
    float cut = encode(codec, values, false, row, &is_whole_code);
    if (codec->is_exact) {
        return is_whole_code;
    }
    return cut <= (float)codec->options.dimension &&
           !(codec->options.metric == VECTOR_INNER_PRODUCT &&
             is_longer_than_longest(codec, values));
}

bool
codec_encode_query(const struct codec *codec, const void *values, void *row_out, bool *is_exact_out)
{
    uint8_t *row = (uint8_t *)row_out;
    if (codec->options.element == VECTOR_BIT) {
        *is_exact_out = codec_encode(codec, values, row);
        return true;
    }
    float cut = encode(codec, values, true, row, is_exact_out);
    /* As much as rounding would cost. Not a number compares false. */
    return cut <= (float)codec->options.dimension / 12;
}

float
codec_query_error(const struct codec *codec, const void *values, const void *row)
{
    if (!codec_has_errors(codec)) {
        return 0;
    }
    float stack[STACK_FLOATS];
    uint32_t count = codec->options.dimension;
    const uint8_t *bytes = (const uint8_t *)row;
    float *floats = count <= STACK_FLOATS ? stack : (float *)ky_malloc(count * sizeof(float));
    bool is_l1 = codec->form == CODE_BYTES_L1;
    double sum = 0;
    codec_floats(codec, values, floats);
    for (uint32_t i = 0; i < count; i++) {
        double stands_for =
            (double)codec->center[i] + ((double)bytes[i] - 128) * (double)codec->step;
        double difference = (double)floats[i] - stands_for;
        sum += is_l1 ? fabs(difference) : difference * difference;
    }
    if (floats != stack) {
        ky_free(floats);
    }
    float error = (float)((is_l1 ? sum : sqrt(sum)) * (1 + 1e-5));
    return isfinite(error) ? error : INFINITY;
}

float
codec_error(const struct codec *codec, const void *values, const void *row)
{
    if (codec->has_extra && codec_has_errors(codec) && is_longer_than_longest(codec, values)) {
        return INFINITY;
    }
    return codec_query_error(codec, values, row);
}

void
codec_decode(const struct codec *codec, const void *row, void *values_out)
{
    KY_ASSERT(codec->is_exact);
    const uint8_t *bytes = (const uint8_t *)row;
    uint32_t count = codec->options.dimension;
    int zero = codec->zero;
    switch (codec->options.element) {
    case VECTOR_F32:
        codec->bytes->spread(bytes, codec->zero, (float *)values_out, count);
        break;
    case VECTOR_F16:
        for (uint32_t i = 0; i < count; i++) {
            ((uint16_t *)values_out)[i] = half_from_float((float)((int)bytes[i] - zero));
        }
        break;
    case VECTOR_BIT:
        memcpy(values_out, row, codec->size);
        break;
    }
}

/* ------------------------------------------------------------------ keys */

static uint32_t
key_of_float(float value)
{
    uint32_t bits;
    memcpy(&bits, &value, sizeof(bits));
    return bits & 0x7FFFFFFFU; /* never negative; a sign is a not-a-number's */
}

static inline const float *
as_floats(const uint8_t *row)
{
    return (const float *)(const void *)row;
}

static float
extra_at(const struct codec *codec, const uint8_t *row)
{
    float extra;
    memcpy(&extra, row + codec->stride - sizeof(extra), sizeof(extra));
    return extra;
}

/*
 * By inner product vectors are near by what they have in common, also among each other: a graph of
 * distances would lead along vectors of like length, away from the long ones that searches want.
 * With the extras, which make all as long as m, the squared distance is 2 m^2 - 2 <a, b> - 2 e f;
 * the key is that without the extras' part. A query has none, and the same key either way.
 */
static void
add_extras(const struct codec *codec, const uint8_t *query, const uint8_t *const *rows,
           uint32_t count, uint32_t *keys)
{
    float scale = codec->step * codec->step;
    float own = extra_at(codec, query);
    for (uint32_t i = 0; i < count; i++) {
        float other = extra_at(codec, rows[i]);
        keys[i] = key_of_float((float)keys[i] * scale + own * own + other * other);
    }
}

/* Floats have the extra as their last, and its difference in their distance. */
static void
take_out_extras(const struct codec *codec, const uint8_t *query, const uint8_t *const *rows,
                uint32_t count, uint32_t *keys)
{
    const uint32_t last = codec->options.dimension;
    const float own = as_floats(query)[last];
    for (uint32_t i = 0; i < count && own != 0; i++) {
        keys[i] =
            key_of_float(codec_key_value(codec, keys[i]) + 2 * own * as_floats(rows[i])[last]);
    }
}

static uint32_t
jaccard_key(const struct codec *codec, const uint8_t *a, const uint8_t *b)
{
    uint32_t both = 0;
    uint32_t either = 0;
    codec->bytes->overlap(a, b, codec->size, &both, &either);
    return key_of_float(both == 0 ? 1 : 1 - (float)both / (float)either);
}

static uint32_t
key_of_pair(const struct codec *codec, const uint8_t *a, const uint8_t *b)
{
    size_t count = codec->size / sizeof(float);
    switch (codec->form) {
    case CODE_BYTES_L2:
        return codec->bytes->l2_squared(a, b, codec->size);
    case CODE_BYTES_L1:
        return codec->bytes->l1(a, b, codec->size);
    case CODE_BITS_HAMMING:
        return codec->bytes->hamming(a, b, codec->size);
    case CODE_BITS_JACCARD:
        return jaccard_key(codec, a, b);
    case CODE_FLOATS_L2:
        return key_of_float(codec->floats->l2_squared(as_floats(a), as_floats(b), count));
    case CODE_FLOATS_L1:
        return key_of_float(codec->floats->l1(as_floats(a), as_floats(b), count));
    }
    KY_UNREACHABLE();
}

static void
float_keys_4(const struct codec *codec, const uint8_t *query, const uint8_t *const *rows,
             uint32_t *keys)
{
    const float *const four[4] = {as_floats(rows[0]), as_floats(rows[1]), as_floats(rows[2]),
                                  as_floats(rows[3])};
    float out[4];
    codec->floats->l2_squared_4(as_floats(query), four, codec->size / sizeof(float), out);
    for (int i = 0; i < 4; i++) {
        keys[i] = key_of_float(out[i]);
    }
}

void
codec_keys(const struct codec *codec, const uint8_t *query, const uint8_t *const *rows,
           uint32_t count, uint32_t *keys_out)
{
    uint32_t i = 0;
    if (codec->form == CODE_BYTES_L2) {
        for (; i + 4 <= count; i += 4) {
            codec->bytes->l2_squared_4(query, rows + i, codec->size, keys_out + i);
        }
    } else if (codec->form == CODE_BYTES_L1) {
        for (; i + 4 <= count; i += 4) {
            codec->bytes->l1_4(query, rows + i, codec->size, keys_out + i);
        }
    } else if (codec->form == CODE_FLOATS_L2) {
        for (; i + 4 <= count; i += 4) {
            float_keys_4(codec, query, rows + i, keys_out + i);
        }
    }
    for (; i < count; i++) {
        keys_out[i] = key_of_pair(codec, query, rows[i]);
    }
    if (codec->has_extra) {
        add_extras(codec, query, rows, count, keys_out);
    } else if (codec->form == CODE_FLOATS_L2 && codec->options.metric == VECTOR_INNER_PRODUCT) {
        take_out_extras(codec, query, rows, count, keys_out);
    }
}

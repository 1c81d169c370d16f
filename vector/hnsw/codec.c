/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Choosing and making codes.
 *
 * Whole numbers of 0 to 255, or of -128 to 127, are their own codes, for L2 and L1. Anything else
 * becomes one byte for each dimension: 128 + (x - center) / step, with one step for all dimensions,
 * so that the distance of two codes, as whole numbers, times the step is nearly that of the
 * vectors. The step is set by the largest deviation but for the outermost few in ten thousand,
 * which are cut off. Few dimensions have too few codes to tell near ones apart: then floats.
 */

#include "vector/hnsw/codec.h"

#include <math.h>
#include <stdlib.h>

#include "server/base/arena.h"
#include "server/base/assert.h"

enum {
    LINE = 64,
    SAMPLE_MAX = 20000, /* vectors */
    SAMPLE_VALUES_MAX = 1 << 21,
    DIMENSION_MIN_BYTES = 24, /* below: floats */
    OUTER_SHARE = 20000,      /* one value in so many may be cut off */
};

/* ------------------------------------------------------------------ vectors as floats */

static bool
is_normalised(const struct codec *codec)
{
    return codec->options.metric == VECTOR_COSINE;
}

/* The vector as floats, normalised for cosine. */
static void
to_floats(const struct codec *codec, const void *values, float *floats)
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

/* ------------------------------------------------------------------ choosing */

static bool
is_whole(float value, int low)
{
    /* The bits must come back: minus zero does not. */
    int whole = value >= (float)low && value <= (float)(low + 255) ? (int)value : low - 1;
    float back = (float)whole;
    return whole >= low && memcmp(&back, &value, sizeof(value)) == 0;
}

static bool
are_whole(const struct codec *codec, codec_source source, void *arg, uint64_t count, int low)
{
    uint32_t dimension = codec->options.dimension;
    float *floats = (float *)ky_malloc(dimension * sizeof(float));
    bool is_exact = true;
    for (uint64_t i = 0; i < count && is_exact; i++) {
        to_floats(codec, source(arg, i), floats);
        for (uint32_t j = 0; j < dimension && is_exact; j++) {
            is_exact = is_whole(floats[j], low);
        }
    }
    ky_free(floats);
    return is_exact;
}

static int
compare_floats(const void *left, const void *right)
{
    float a = *(const float *)left;
    float b = *(const float *)right;
    return (a > b) - (a < b);
}

struct sample {
    float *values; /* rows of floats */
    uint64_t rows;
};

static struct sample
take_sample(const struct codec *codec, codec_source source, void *arg, uint64_t count)
{
    uint32_t dimension = codec->options.dimension;
    uint64_t rows = KY_MIN(count, (uint64_t)SAMPLE_MAX);
    rows = KY_MIN(rows, KY_MAX((uint64_t)SAMPLE_VALUES_MAX / dimension, (uint64_t)16));
    struct sample sample = {(float *)ky_malloc((rows * dimension + 1) * sizeof(float)), rows};
    for (uint64_t i = 0; i < rows; i++) {
        uint64_t index = (uint64_t)((double)i / (double)rows * (double)count);
        to_floats(codec, source(arg, index), sample.values + i * dimension);
    }
    return sample;
}

static void
set_scale(struct codec *codec, struct sample *sample)
{
    uint32_t dimension = codec->options.dimension;
    codec->center = (float *)ky_calloc(dimension, sizeof(float));
    /* An inner product is not about differences: it keeps its zero. */
    bool is_centered = codec->options.metric != VECTOR_INNER_PRODUCT;
    for (uint32_t j = 0; j < dimension && is_centered; j++) {
        double sum = 0;
        for (uint64_t i = 0; i < sample->rows; i++) {
            sum += (double)sample->values[i * dimension + j];
        }
        double mean = sample->rows > 0 ? sum / (double)sample->rows : 0;
        codec->center[j] = isfinite(mean) ? (float)mean : 0;
    }
    uint64_t count = sample->rows * dimension;
    uint64_t kept = 0;
    for (uint64_t i = 0; i < count; i++) {
        float deviation = fabsf(sample->values[i] - codec->center[i % dimension]);
        if (isfinite(deviation)) {
            sample->values[kept++] = deviation;
        }
    }
    qsort(sample->values, kept, sizeof(float), compare_floats);
    float largest = kept > 0 ? sample->values[kept - 1 - kept / OUTER_SHARE] : 0;
    codec->step = largest > 0 && isfinite(largest / 127) ? largest / 127 : 1;
    if (!(codec->step > 0)) {
        codec->step = 1;
    }
}

static void
set_norm_max(struct codec *codec, codec_source source, void *arg, uint64_t count)
{
    uint32_t dimension = codec->options.dimension;
    float *floats = (float *)ky_malloc(dimension * sizeof(float));
    for (uint64_t i = 0; i < count; i++) {
        to_floats(codec, source(arg, i), floats);
        float norm_squared = codec->floats->inner_product(floats, floats, dimension);
        if (isfinite(norm_squared) && norm_squared > codec->norm_squared_max) {
            codec->norm_squared_max = norm_squared;
        }
    }
    ky_free(floats);
}

static void
set_form(struct codec *codec, enum code_form form, size_t size)
{
    codec->form = form;
    codec->size = size;
    size_t whole = size + (codec->has_extra ? sizeof(float) : 0);
    codec->stride = ky_align_up(whole, whole > LINE / 2 ? LINE : 16);
}

static void
choose_numbers(struct codec *codec, codec_source source, void *arg, uint64_t count)
{
    const struct vector_options *options = &codec->options;
    bool is_l1 = options->metric == VECTOR_L1;
    bool is_product = options->metric == VECTOR_INNER_PRODUCT;
    enum vector_codec wanted = options->codec;
    if (is_product) {
        set_norm_max(codec, source, arg, count);
    }
    bool may_be_exact = count > 0 && (is_l1 || options->metric == VECTOR_L2) &&
                        (wanted == VECTOR_CODEC_AUTO || wanted == VECTOR_CODEC_BYTE);
    for (int low = 0; may_be_exact && low >= -128; low -= 128) {
        if (are_whole(codec, source, arg, count, low)) {
            codec->is_exact = true;
            codec->zero = (uint8_t)-low;
            codec->step = 1;
            set_form(codec, is_l1 ? CODE_BYTES_L1 : CODE_BYTES_L2, options->dimension);
            return;
        }
    }
    if (wanted == VECTOR_CODEC_VALUES ||
        (wanted == VECTOR_CODEC_AUTO && options->dimension < DIMENSION_MIN_BYTES)) {
        size_t floats = options->dimension + (is_product ? 1 : 0);
        set_form(codec, is_l1 ? CODE_FLOATS_L1 : CODE_FLOATS_L2, floats * sizeof(float));
        return;
    }
    struct sample sample = take_sample(codec, source, arg, count);
    set_scale(codec, &sample);
    ky_free(sample.values);
    if (wanted == VECTOR_CODEC_SIGN) {
        set_form(codec, CODE_BITS_HAMMING, (options->dimension + 7) / 8);
        return;
    }
    codec->has_extra = is_product;
    set_form(codec, is_l1 ? CODE_BYTES_L1 : CODE_BYTES_L2, options->dimension);
}

void
codec_choose(struct codec *codec, const struct vector_options *options, codec_source source,
             void *arg, uint64_t count)
{
    *codec =
        (struct codec){.options = *options, .bytes = code_kernels(), .floats = distance_kernels()};
    if (options->element == VECTOR_BIT) {
        codec->is_exact = true;
        set_form(codec, options->metric == VECTOR_HAMMING ? CODE_BITS_HAMMING : CODE_BITS_JACCARD,
                 vector_values_size(options->element, options->dimension));
        return;
    }
    choose_numbers(codec, source, arg, count);
}

void
codec_deinit(struct codec *codec)
{
    ky_free(codec->center);
    codec->center = NULL;
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
    to_floats(codec, values, floats);
    bool has_extra = codec->options.metric == VECTOR_INNER_PRODUCT && !is_query;
    float cut = encode_floats(codec, floats, has_extra ? extra_of(codec, floats) : 0, row);
    *is_whole_out = codec->is_exact;
    for (uint32_t i = 0; i < count && *is_whole_out; i++) {
        *is_whole_out = is_whole(floats[i], -(int)codec->zero);
    }
    if (floats != stack) {
        ky_free(floats);
    }
    return cut;
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
    return codec->is_exact ? is_whole_code : cut <= (float)codec->options.dimension;
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

void
codec_decode(const struct codec *codec, const void *row, void *values_out)
{
    KY_ASSERT(codec->is_exact);
    const uint8_t *bytes = (const uint8_t *)row;
    uint32_t count = codec->options.dimension;
    int zero = codec->zero;
    switch (codec->options.element) {
    case VECTOR_F32:
        for (uint32_t i = 0; i < count; i++) {
            ((float *)values_out)[i] = (float)((int)bytes[i] - zero);
        }
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

static float
extra_at(const struct codec *codec, const uint8_t *row)
{
    float extra;
    memcpy(&extra, row + codec->stride - sizeof(extra), sizeof(extra));
    return extra;
}

static void
add_extras(const struct codec *codec, const uint8_t *query, const uint8_t *const *rows,
           uint32_t count, uint32_t *keys)
{
    float scale = codec->step * codec->step;
    float own = extra_at(codec, query);
    for (uint32_t i = 0; i < count; i++) {
        float difference = own - extra_at(codec, rows[i]);
        keys[i] = key_of_float((float)keys[i] * scale + difference * difference);
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

static inline const float *
as_floats(const uint8_t *row)
{
    return (const float *)(const void *)row;
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
    }
}

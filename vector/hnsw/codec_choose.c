/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Choosing codes.
 *
 * Whole numbers of 0 to 255, or of -128 to 127, are their own codes, for L2 and L1. Anything else
 * becomes one byte for each dimension: 128 + (x - center) / step, with one step for all dimensions,
 * so that the distance of two codes, as whole numbers, times the step is nearly that of the
 * vectors. The step is set by the largest deviation but for the outermost few in ten thousand,
 * which are cut off. Few dimensions have too few codes to tell near ones apart: then floats.
 */

#include <math.h>
#include <stdlib.h>

#include "server/base/arena.h"
#include "server/base/assert.h"
#include "vector/hnsw/codec_private.h"

enum {
    LINE = 64,
    SAMPLE_MAX = 20000, /* vectors */
    SAMPLE_VALUES_MAX = 1 << 21,
    DIMENSION_MIN_BYTES = 24, /* below: floats */
    OUTER_SHARE = 20000,      /* one value in so many may be cut off */
};

static bool
are_whole(const struct codec *codec, codec_source source, void *arg, uint64_t count, int low)
{
    uint32_t dimension = codec->options.dimension;
    float *floats = (float *)ky_malloc(dimension * sizeof(float));
    bool is_exact = true;
    for (uint64_t i = 0; i < count && is_exact; i++) {
        codec_floats(codec, source(arg, i), floats);
        for (uint32_t j = 0; j < dimension && is_exact; j++) {
            is_exact = codec_is_whole(floats[j], low);
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
        codec_floats(codec, source(arg, index), sample.values + i * dimension);
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

/* What comes later may be longer; see is_longer_than_longest. A tenth, squared. */
#define NORM_ROOM 1.21F

static void
set_norm_max(struct codec *codec, codec_source source, void *arg, uint64_t count)
{
    uint32_t dimension = codec->options.dimension;
    float *floats = (float *)ky_malloc(dimension * sizeof(float));
    for (uint64_t i = 0; i < count; i++) {
        codec_floats(codec, source(arg, i), floats);
        float norm_squared = codec->floats->inner_product(floats, floats, dimension);
        if (isfinite(norm_squared) && norm_squared > codec->norm_squared_max) {
            codec->norm_squared_max = norm_squared;
        }
    }
    const float with_room = codec->norm_squared_max * NORM_ROOM;
    codec->norm_squared_max = isfinite(with_room) ? with_room : codec->norm_squared_max;
    ky_free(floats);
}

/*
 * Do the codes tell near vectors apart? Vectors may lie so close together, next to how far the
 * whole reaches, that many share a code. Of a sample, how many of the truly nearest are among twice
 * as many nearest by code?
 */
enum { PROBE_ROWS = 1000, PROBES = 40, PROBE_K = 10, PROBE_FOUND = 9 /* of 10 */ };

struct probe_row {
    float distance;
    uint32_t key;
};

static int
compare_by_distance(const void *left, const void *right)
{
    float a = ((const struct probe_row *)left)->distance;
    float b = ((const struct probe_row *)right)->distance;
    return (a > b) - (a < b);
}

static int
compare_by_key(const void *left, const void *right)
{
    uint32_t a = ((const struct probe_row *)left)->key;
    uint32_t b = ((const struct probe_row *)right)->key;
    return (a > b) - (a < b);
}

/* How many of the PROBE_K nearest have a key below that of the 2 * PROBE_K nearest by key; equal
 * keys say nothing. */
static uint32_t
probe_found(struct probe_row *rows, uint32_t count)
{
    qsort(rows, count, sizeof(rows[0]), compare_by_key);
    uint32_t limit = rows[2 * PROBE_K].key;
    qsort(rows, count, sizeof(rows[0]), compare_by_distance);
    uint32_t found = 0;
    for (uint32_t i = 1; i <= PROBE_K; i++) {
        found += rows[i].key < limit || rows[i].distance == rows[0].distance;
    }
    return found;
}

static uint32_t
probe_one(const struct codec *codec, const float *values, const uint8_t *codes, uint32_t count,
          uint32_t self, struct probe_row *rows)
{
    size_t dimension = codec->options.dimension;
    for (uint32_t i = 0; i < count; i++) {
        const uint8_t *code = codes + i * codec->stride;
        const float *a = values + self * dimension;
        const float *b = values + i * dimension;
        rows[i].distance = codec->options.metric == VECTOR_L1
                               ? codec->floats->l1(a, b, dimension)
                               : codec->floats->l2_squared(a, b, dimension);
        codec_keys(codec, codes + self * codec->stride, &code, 1, &rows[i].key);
    }
    return probe_found(rows, count);
}

static bool
tells_apart(const struct codec *codec, codec_source source, void *arg, uint64_t count)
{
    size_t dimension = codec->options.dimension;
    uint32_t taken = (uint32_t)KY_MIN(count, (uint64_t)PROBE_ROWS);
    if (taken < 4 * PROBE_K || codec->options.metric == VECTOR_INNER_PRODUCT) {
        return true;
    }
    float *values = (float *)ky_malloc(taken * dimension * sizeof(float));
    uint8_t *codes = (uint8_t *)aligned_alloc(LINE, ky_align_up(taken * codec->stride, LINE));
    struct probe_row *rows = (struct probe_row *)ky_malloc(taken * sizeof(*rows));
    KY_ASSERT(codes != NULL);
    for (uint32_t i = 0; i < taken; i++) {
        const void *vector = source(arg, i * (count / taken));
        codec_floats(codec, vector, values + i * dimension);
        (void)codec_encode(codec, vector, codes + i * codec->stride);
    }
    uint32_t found = 0;
    for (uint32_t i = 0; i < PROBES; i++) {
        found += probe_one(codec, values, codes, taken, i * (taken / PROBES), rows);
    }
    ky_free(values);
    free(codes);
    ky_free(rows);
    return found * 10 >= PROBES * PROBE_K * PROBE_FOUND;
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
            codec_set_form(codec, is_l1 ? CODE_BYTES_L1 : CODE_BYTES_L2, options->dimension);
            return;
        }
    }
    if (wanted == VECTOR_CODEC_VALUES ||
        (wanted == VECTOR_CODEC_AUTO && options->dimension < DIMENSION_MIN_BYTES)) {
        size_t floats = options->dimension + (is_product ? 1 : 0);
        codec_set_form(codec, is_l1 ? CODE_FLOATS_L1 : CODE_FLOATS_L2, floats * sizeof(float));
        return;
    }
    struct sample sample = take_sample(codec, source, arg, count);
    set_scale(codec, &sample);
    ky_free(sample.values);
    if (wanted == VECTOR_CODEC_SIGN) {
        codec_set_form(codec, CODE_BITS_HAMMING, (options->dimension + 7) / 8);
        return;
    }
    codec->has_extra = is_product;
    codec_set_form(codec, is_l1 ? CODE_BYTES_L1 : CODE_BYTES_L2, options->dimension);
    if (wanted == VECTOR_CODEC_AUTO && !tells_apart(codec, source, arg, count)) {
        codec_deinit(codec);
        codec_set_form(codec, is_l1 ? CODE_FLOATS_L1 : CODE_FLOATS_L2,
                       options->dimension * sizeof(float));
    }
}

void
codec_choose(struct codec *codec, const struct vector_options *options, codec_source source,
             void *arg, uint64_t count)
{
    *codec =
        (struct codec){.options = *options, .bytes = code_kernels(), .floats = distance_kernels()};
    if (options->element == VECTOR_BIT) {
        codec->is_exact = true;
        codec_set_form(codec,
                       options->metric == VECTOR_HAMMING ? CODE_BITS_HAMMING : CODE_BITS_JACCARD,
                       vector_values_size(options->element, options->dimension));
        return;
    }
    choose_numbers(codec, source, arg, count);
}

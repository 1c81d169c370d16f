/* SPDX-License-Identifier: Apache-2.0 */

/* Which ef a search uses: its own, or what was measured to give the recall it asks for. */

#include <math.h>

#include "vector/hnsw/search.h"

const uint32_t calibration_ks[CALIBRATION_COLUMNS] = {1, 10, 30, 100};

/* The smallest ef that reached the recall for this k, between two that were tried, in its
 * logarithm: that is nearly a line. A little more than the highest when none did. When already the
 * lowest did, what the line below it says: less than k, where other ks are between this one and a
 * larger. */
static float
column_ef(const struct calibration *table, int column, float target)
{
    const uint32_t *efs = table->ef[column];
    const float *recalls = table->recall[column];
    uint32_t i = 0;
    while (i < CALIBRATION_STEPS && recalls[i] < target) {
        i++;
    }
    if (i == CALIBRATION_STEPS) {
        return 2 * (float)efs[CALIBRATION_STEPS - 1];
    }
    const uint32_t high = KY_MAX(i, 1U);
    const uint32_t low = high - 1;
    const float rise = recalls[high] - recalls[low];
    const float part = rise > 0 ? (target - recalls[low]) / rise : i == 0 ? -INFINITY : 1;
    const float ef = (float)efs[low] * powf((float)efs[high] / (float)efs[low], part);
    return KY_MAX(ef, (float)efs[0] / 2);
}

/* Of a k between two that were tried: the ratio of ef to k, in the logarithm of k. */
static uint32_t
calibrated_ef(const struct calibration *table, float target, uint32_t k)
{
    const uint32_t *ks = calibration_ks;
    int column = 0;
    if (table == NULL) {
        return 2 * VECTOR_EF_DEFAULT;
    }
    while (column < CALIBRATION_COLUMNS - 1 && ks[column + 1] <= k) {
        column++;
    }
    float ratio = column_ef(table, column, target) / (float)ks[column];
    if (column < CALIBRATION_COLUMNS - 1 && k > ks[column]) {
        const float part =
            logf((float)k / (float)ks[column]) / logf((float)ks[column + 1] / (float)ks[column]);
        const float next = column_ef(table, column + 1, target) / (float)ks[column + 1];
        ratio += part * (next - ratio);
    }
    return (uint32_t)KY_MIN(ceilf(ratio * (float)k), (float)WALK_EF_MAX);
}

/* Inside the epoch. */
uint32_t
graph_search_ef(const struct graph *graph, const struct vector_search *search, uint32_t k)
{
    uint32_t ef = search->ef;
    if (ef == 0) {
        ef = search->target_recall > 0
                 ? calibrated_ef(atomic_load_explicit(&graph->calibration, memory_order_acquire),
                                 search->target_recall, k)
                 : VECTOR_EF_DEFAULT;
    }
    return KY_MAX(ef, k);
}

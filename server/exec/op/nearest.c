/* SPDX-License-Identifier: Apache-2.0 */
#include "server/exec/op/nearest.h"

#include <math.h>

#include "server/base/arena.h"

void
nearest_init(struct nearest *nearest, uint32_t capacity)
{
    *nearest =
        (struct nearest){.list = ky_malloc(((size_t)capacity + 1) * sizeof(struct access_hit)),
                         .capacity = capacity};
}

void
nearest_deinit(struct nearest *nearest)
{
    ky_free(nearest->list);
    *nearest = (struct nearest){0};
}

static bool
is_farther(const struct access_hit *a, const struct access_hit *b)
{
    const bool is_a_number = !isnan(a->distance);
    const bool is_b_number = !isnan(b->distance);
    if (!is_a_number || !is_b_number) {
        return is_a_number == is_b_number ? a->row.row_id > b->row.row_id : is_b_number;
    }
    return a->distance > b->distance ||
           (!(a->distance < b->distance) && a->row.row_id > b->row.row_id);
}

static void
swap(struct access_hit *a, struct access_hit *b)
{
    const struct access_hit hit = *a;
    *a = *b;
    *b = hit;
}

/* Restores the heap below place. */
static void
sift_down(struct access_hit *list, uint32_t count, uint32_t place)
{
    for (;;) {
        uint32_t child = 2 * place + 1;
        if (child >= count) {
            return;
        }
        child += child + 1 < count && is_farther(&list[child + 1], &list[child]);
        if (!is_farther(&list[child], &list[place])) {
            return;
        }
        swap(&list[place], &list[child]);
        place = child;
    }
}

void
nearest_add(struct nearest *nearest, const struct access_hit *hit)
{
    struct access_hit *list = nearest->list;
    if (nearest->count < nearest->capacity) {
        uint32_t place = nearest->count++;
        list[place] = *hit;
        while (place > 0 && is_farther(&list[place], &list[(place - 1) / 2])) {
            swap(&list[place], &list[(place - 1) / 2]);
            place = (place - 1) / 2;
        }
    } else if (nearest->count > 0 && is_farther(&list[0], hit)) {
        list[0] = *hit;
        sift_down(list, nearest->count, 0);
    }
}

void
nearest_sort(struct nearest *nearest)
{
    for (uint32_t last = nearest->count; last > 1; last--) {
        swap(&nearest->list[0], &nearest->list[last - 1]);
        sift_down(nearest->list, last - 1, 0);
    }
}

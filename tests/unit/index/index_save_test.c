/* SPDX-License-Identifier: Apache-2.0 */
#include <criterion/criterion.h>
#include <stdio.h>

#include "index/index.h"
#include "server/base/epoch.h"
#include "tests/support/state_buffer.h"

/* Saving and loading: what is kept, what damage is found. Round trips of random indexes are in
 * index_random_test.c. */

static struct index *
make_index(uint32_t count)
{
    struct index *index = index_new(INDEX_UNDER_TEST);
    char key[32];
    struct ky_error err;
    for (uint32_t i = 0; i < count; i++) {
        int size = snprintf(key, sizeof(key), "key %06u", i / 2);
        cr_assert_eq(index_insert(index, ky_slice(key, (size_t)size), 1000 - i, NULL, &err), KY_OK);
    }
    return index;
}

static uint64_t
count_entries(struct index *index)
{
    struct index_stats stats;
    index_stats(index, &stats);
    return stats.entries;
}

static bool
is_even(void *arg, struct ky_slice key, row_id_t row_id)
{
    (void)key;
    ++*(int *)arg;
    return row_id % 2 == 0;
}

Test(index_save, writes_and_loads_only_what_is_kept)
{
    struct index *index = make_index(900);
    struct buffer_sink sink;
    struct ky_error err;
    int asked = 0;
    buffer_sink_init(&sink);
    cr_assert_eq(index_save(index, is_even, &asked, &sink.sink, &err), KY_OK);
    cr_expect_eq(asked, 900);
    struct index *loaded = NULL;
    cr_assert_eq(index_load(INDEX_UNDER_TEST, buffer_map_new(sink.bytes.data, sink.bytes.size),
                            NULL, NULL, &loaded, &err),
                 KY_OK);
    cr_expect_eq(count_entries(loaded), 450);
    index_free(loaded);
    ky_buffer_clear(&sink.bytes);
    cr_assert_eq(index_save(index, NULL, NULL, &sink.sink, &err), KY_OK);
    asked = 0;
    cr_assert_eq(index_load(INDEX_UNDER_TEST, buffer_map_new(sink.bytes.data, sink.bytes.size),
                            is_even, &asked, &loaded, &err),
                 KY_OK);
    cr_expect_eq(asked, 900);
    cr_expect_eq(count_entries(loaded), 450);
    cr_expect_eq(index_verify(loaded, &err), KY_OK);
    index_free(loaded);
    index_free(index);
    ky_buffer_deinit(&sink.bytes);
    ky_epoch_drain();
}

Test(index_save, a_sink_that_fails_fails_the_save_and_leaves_the_index)
{
    struct index *index = make_index(900);
    struct buffer_sink sink;
    struct ky_error err;
    buffer_sink_init(&sink);
    sink.fail_above = 40;
    cr_assert_eq(index_save(index, NULL, NULL, &sink.sink, &err), KY_ERR);
    cr_expect_eq(err.sqlstate, KY_DISK_FULL);
    cr_expect_eq(index_verify(index, &err), KY_OK);
    cr_expect_eq(count_entries(index), 900);
    index_free(index);
    ky_buffer_deinit(&sink.bytes);
    ky_epoch_drain();
}

static void
expect_refused(const uint8_t *bytes, size_t size, size_t at)
{
    struct state_map *map = buffer_map_new(bytes, size);
    struct index *loaded = NULL;
    struct ky_error err;
    cr_assert_eq(index_load(INDEX_UNDER_TEST, map, NULL, NULL, &loaded, &err), KY_ERR,
                 "damage at %zu was not found", at);
    cr_assert_eq(err.sqlstate, KY_DATA_CORRUPTED);
    map->release(map);
}

Test(index_save, every_changed_byte_and_every_cut_is_found)
{
    struct index *index = make_index(300);
    struct buffer_sink sink;
    struct ky_error err;
    buffer_sink_init(&sink);
    cr_assert_eq(index_save(index, NULL, NULL, &sink.sink, &err), KY_OK);
    uint8_t *bytes = sink.bytes.data;
    size_t size = sink.bytes.size;
    for (size_t at = 0; at < size; at++) {
        bytes[at] ^= (uint8_t)(1U << at % 8);
        expect_refused(bytes, size, at);
        bytes[at] ^= (uint8_t)(1U << at % 8);
        expect_refused(bytes, at, at);
    }
    ky_buffer_append(&sink.bytes, "12345678", 8);
    expect_refused(sink.bytes.data, sink.bytes.size, size);
    index_free(index);
    ky_buffer_deinit(&sink.bytes);
    ky_epoch_drain();
}

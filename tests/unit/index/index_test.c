/* SPDX-License-Identifier: Apache-2.0 */

#include "index/index.h"

#include <criterion/criterion.h>
#include <inttypes.h>
#include <stdlib.h>

#include "server/base/endian.h"
#include "server/base/epoch.h"

static struct index *index_under_test;
static struct ky_error err;

static void
open_index(void)
{
    ky_error_init(&err);
    index_under_test = index_new(INDEX_UNDER_TEST);
}

static void
close_index(void)
{
    cr_expect_eq(index_verify(index_under_test, &err), KY_OK, "%s", err.message);
    index_free(index_under_test);
    ky_epoch_drain();
}

TestSuite(index, .init = open_index, .fini = close_index);

static bool
insert(const char *key, row_id_t row_id)
{
    bool is_new = false;
    cr_assert_eq(index_insert(index_under_test, ky_slice_cstr(key), row_id, &is_new, &err), KY_OK);
    return is_new;
}

/* All keys of the scan, with a blank after each. */
static const char *
walk(struct index_scan *scan)
{
    static char text[256];
    struct index_entry entries[2];
    text[0] = '\0';
    scan->index = index_under_test;
    uint32_t count = 0;
    while ((count = index_scan_next(scan, entries, 2)) > 0) {
        for (uint32_t i = 0; i < count; i++) {
            strncat(text, (const char *)entries[i].key.data, entries[i].key.size);
            strcat(text, " ");
        }
    }
    index_scan_deinit(scan);
    return text;
}

Test(index, bounds_compare_as_prefixes)
{
    static const char *const keys[] = {"a", "ab", "aba", "abb", "ac", "b", "ba", "c"};
    for (size_t i = 0; i < KY_COUNT_OF(keys); i++) {
        cr_expect(insert(keys[i], 1));
    }
    struct index_scan prefix = {.lower = ky_slice_cstr("ab"), .upper = ky_slice_cstr("ab")};
    prefix.has_lower = prefix.has_upper = true;
    struct index_scan scan = prefix;
    cr_expect_str_eq(walk(&scan), "ab aba abb ");
    scan = prefix;
    scan.is_backward = true;
    cr_expect_str_eq(walk(&scan), "abb aba ab ");
    scan = prefix;
    scan.has_upper = false;
    scan.is_lower_exclusive = true;
    cr_expect_str_eq(walk(&scan), "ac b ba c ");
    scan = prefix;
    scan.has_lower = false;
    scan.is_upper_exclusive = true;
    cr_expect_str_eq(walk(&scan), "a ");
    scan = prefix;
    scan.is_lower_exclusive = true;
    cr_expect_str_eq(walk(&scan), "");
    scan = (struct index_scan){.is_backward = true};
    cr_expect_str_eq(walk(&scan), "c ba b ac abb aba ab a ");
}

Test(index, a_scan_goes_on_where_it_was_after_changes)
{
    insert("a", 1);
    insert("c", 1);
    insert("e", 1);
    struct index_scan scan = {.index = index_under_test};
    struct index_entry entry;
    cr_assert_eq(index_scan_next(&scan, &entry, 1), 1);
    cr_assert(index_remove(index_under_test, ky_slice_cstr("a"), 1));
    insert("b", 1);
    cr_assert_eq(index_scan_next(&scan, &entry, 1), 1);
    cr_expect(ky_slice_is(entry.key, "b"));
    cr_assert(index_remove(index_under_test, ky_slice_cstr("c"), 1));
    cr_assert_eq(index_scan_next(&scan, &entry, 1), 1);
    cr_expect(ky_slice_is(entry.key, "e"));
    cr_expect_eq(index_scan_next(&scan, &entry, 1), 0);
    index_scan_deinit(&scan);
}

Test(index, the_same_entry_is_held_once)
{
    cr_expect(insert("k", 7));
    cr_expect_not(insert("k", 7));
    cr_expect(insert("k", 8));
    row_id_t rows[1] = {0};
    cr_expect_eq(index_find(index_under_test, ky_slice_cstr("k"), rows, 1), 2);
    cr_expect_eq(rows[0], 7);
    cr_expect_not(index_remove(index_under_test, ky_slice_cstr("k"), 9));
    cr_expect(index_remove(index_under_test, ky_slice_cstr("k"), 7));
}

Test(index, a_key_over_the_limit_is_54000)
{
    static uint8_t key[INDEX_KEY_SIZE_MAX + 1];
    cr_expect_eq(index_insert(index_under_test, ky_slice(key, INDEX_KEY_SIZE_MAX), 1, NULL, &err),
                 KY_OK);
    cr_expect_eq(index_insert(index_under_test, ky_slice(key, sizeof(key)), 1, NULL, &err), KY_ERR);
    cr_expect_eq(err.sqlstate, KY_PROGRAM_LIMIT_EXCEEDED);
    cr_expect_str_eq(err.message, "index row size 2705 exceeds btree version 4 maximum 2704");
    struct index_stats stats;
    index_stats(index_under_test, &stats);
    cr_expect_eq(stats.entries, 1);
}

struct judge {
    row_id_t conflict;
    row_id_t wait;
    uint32_t asked;
};

static enum index_verdict
judge(void *arg, row_id_t existing)
{
    struct judge *judge = (struct judge *)arg;
    judge->asked++;
    if (existing == judge->conflict) {
        return INDEX_CONFLICT;
    }
    return existing == judge->wait ? INDEX_WAIT : INDEX_IGNORE;
}

Test(index, the_judge_decides_about_every_other_equal_key)
{
    /* Enough rows for several leaves, and neighbours on both sides. */
    for (row_id_t i = 1; i <= 1000; i++) {
        insert("j", i);
        insert("k", i);
        insert("l", i);
    }
    enum index_verdict verdict;
    row_id_t existing = 0;
    bool is_new = false;
    struct judge ask = {0};
    cr_assert_eq(index_insert_unique(index_under_test, ky_slice_cstr("k"), 5000, judge, &ask,
                                     &verdict, &existing, &is_new, &err),
                 KY_OK);
    cr_expect_eq(verdict, INDEX_IGNORE);
    cr_expect(is_new);
    cr_expect_eq(ask.asked, 1000);
    ask = (struct judge){.conflict = 999};
    cr_assert_eq(index_insert_unique(index_under_test, ky_slice_cstr("k"), 6000, judge, &ask,
                                     &verdict, &existing, &is_new, &err),
                 KY_OK);
    cr_expect_eq(verdict, INDEX_CONFLICT);
    cr_expect_eq(existing, 999);
    cr_expect_not(is_new);
    cr_expect_eq(index_find(index_under_test, ky_slice_cstr("k"), NULL, 0), 1001);
    ask = (struct judge){.wait = 5000};
    cr_assert_eq(index_insert_unique(index_under_test, ky_slice_cstr("k"), 1, judge, &ask, &verdict,
                                     &existing, &is_new, &err),
                 KY_OK);
    cr_expect_eq(verdict, INDEX_WAIT);
    cr_expect_eq(existing, 5000);
    ask = (struct judge){0};
    cr_assert_eq(index_insert_unique(index_under_test, ky_slice_cstr("k"), 1, judge, &ask, &verdict,
                                     &existing, &is_new, &err),
                 KY_OK);
    cr_expect_eq(verdict, INDEX_IGNORE);
    cr_expect_not(is_new, "the entry was there");
    cr_expect_eq(ask.asked, 1000);
    cr_assert_eq(index_insert_unique(index_under_test, ky_slice_cstr("new"), 1, judge, &ask,
                                     &verdict, &existing, &is_new, &err),
                 KY_OK);
    cr_expect(is_new);
}

struct source {
    uint64_t next;
    uint64_t end;
    size_t key_size;
    uint8_t key[INDEX_KEY_SIZE_MAX + 1];
};

static bool
source_next(void *arg, struct index_entry *entry_out)
{
    struct source *source = (struct source *)arg;
    if (source->next == source->end) {
        return false;
    }
    /* Every entry twice, every key with two rows. */
    ky_store_be64(source->key + 1, source->next / 4);
    entry_out->key = ky_slice(source->key, source->key_size);
    entry_out->row_id = 1 + source->next / 2 % 2;
    source->next++;
    return true;
}

static void
check_built(size_t key_size, uint64_t count)
{
    struct source *source = (struct source *)calloc(1, sizeof(*source));
    source->end = count;
    source->key_size = key_size;
    cr_assert_eq(index_build(index_under_test, source_next, source, &err), KY_OK);
    cr_assert_eq(index_verify(index_under_test, &err), KY_OK, "%s", err.message);
    struct index_stats stats;
    index_stats(index_under_test, &stats);
    cr_expect_eq(stats.entries, count / 2);
    for (uint64_t i = 0; i < count / 4; i++) {
        ky_store_be64(source->key + 1, i);
        row_id_t rows[3];
        struct ky_slice key = ky_slice(source->key, key_size);
        cr_assert_eq(index_find(index_under_test, key, rows, 3), 2, "key %" PRIu64, i);
        cr_assert_eq(rows[1], 2);
    }
    free(source);
}

Test(index, bulk_build_of_short_keys)
{
    check_built(9, 200000);
}

Test(index, bulk_build_of_long_keys)
{
    check_built(INDEX_KEY_SIZE_MAX, 4000);
}

Test(index, bulk_build_that_fails_leaves_the_index_empty)
{
    struct source *source = (struct source *)calloc(1, sizeof(*source));
    source->end = 10;
    source->key_size = INDEX_KEY_SIZE_MAX + 1;
    cr_expect_eq(index_build(index_under_test, source_next, source, &err), KY_ERR);
    cr_expect_eq(err.sqlstate, KY_PROGRAM_LIMIT_EXCEEDED);
    struct index_stats stats;
    index_stats(index_under_test, &stats);
    cr_expect_eq(stats.entries, 0);
    source->next = source->end = 0;
    cr_expect_eq(index_build(index_under_test, source_next, source, &err), KY_OK);
    free(source);
}

Test(index, growing_keys_fill_their_nodes)
{
    uint8_t key[9] = {1};
    enum { COUNT = 100000 };
    for (uint64_t i = 0; i < COUNT; i++) {
        ky_store_be64(key + 1, i);
        cr_assert_eq(index_insert(index_under_test, ky_slice(key, 9), i + 1, NULL, &err), KY_OK);
    }
    struct index_stats stats;
    index_maintain(index_under_test);
    index_stats(index_under_test, &stats);
    cr_expect_lt(stats.bytes, COUNT * 20, "%" PRIu64 " bytes", stats.bytes);
}

/* SPDX-License-Identifier: Apache-2.0 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "server/access/access_private.h"
#include "server/base/arena.h"
#include "server/base/clock.h"
#include "server/base/log.h"
#include "server/base/mutex.h"
#include "server/base/random.h"
#include "tests/support/mem_disk.h"

/*
 * A table with a unique, a composite, a descending and a vector index on a faulty disk; in every
 * other directory all but the last are learned ones, which are rebuilt meanwhile. Several
 * transactions insert, change keys, delete, roll back and commit while checkpoints save the
 * indexes; the power fails at random disk calls, saved files are damaged, indexes are dropped and
 * made. After every start each index must have exactly one entry for each row that the table has,
 * with the row's key; a unique key must be refused a second time; the nearest by the vector index,
 * with and without its graph, must be those of the rows.
 *
 * KYRO_SEED repeats a run; the seed is printed on failure. KYRO_ROUNDS: how many directories.
 */
enum {
    TABLE = 17000,
    TABLE_REL = 17001,
    INDEX_FIRST = 17010,
    TREES = 3,
    INDEXES = TREES + 1, /* the last one is of vectors */
    COLUMNS = 4,
    DIMENSION = 4,
    NEAREST = 10,
    TXNS = 3,
    STEPS = 250,
    LIVES = 7, /* of one data directory */
    KEYS = 800,
};

static uint64_t seed;
static struct ky_prng prng;
static struct mem_disk *disk;
static struct storage_options options;
static struct storage *storage;
static struct catalog *catalog;
static struct access *access_layer;
static struct access_txn *txns[TXNS];
/* Commits that a broken disk left without an answer: storage keeps them, and so does this, for the
 * leak checker. */
static struct access_txn *unanswered[4096];
static int unanswered_count;
static uint64_t loads;  /* saved indexes found at a start, in all */
static uint64_t graphs; /* vector indexes with one after a start */
static bool is_learned; /* the directory's indexes are */
static bool is_faulty;  /* the power will go: calls may fail */
static bool is_damaged; /* saved indexes in force were changed behind the storage's back */

#define CHECK(condition)                                                                     \
    do {                                                                                     \
        if (!(condition)) {                                                                  \
            (void)fprintf(stderr, "%s:%d: %s (KYRO_SEED=%" PRIu64 ")\n", __FILE__, __LINE__, \
                          #condition, seed);                                                 \
            abort();                                                                         \
        }                                                                                    \
    } while (0)

/* ------------------------------------------------------------------ ends of transactions */

static struct ky_mutex wait_lock;
static struct ky_cond wait_cond;
static bool is_fatal;
static bool is_done;

static void
on_fatal(void *arg, const struct ky_error *err)
{
    (void)arg;
    (void)err;
    ky_mutex_lock(&wait_lock);
    is_fatal = true;
    ky_cond_signal(&wait_cond);
    ky_mutex_unlock(&wait_lock);
}

static void
on_done(void *arg, ky_status status, const struct txn_result *result, const struct ky_error *err)
{
    (void)arg;
    (void)status;
    (void)result;
    (void)err;
    ky_mutex_lock(&wait_lock);
    is_done = true;
    ky_cond_signal(&wait_cond);
    ky_mutex_unlock(&wait_lock);
}

static bool
has_failed(void)
{
    ky_mutex_lock(&wait_lock);
    bool has = is_fatal;
    ky_mutex_unlock(&wait_lock);
    return has;
}

/* False when the power went: nobody answers. */
static bool
wait_done(void)
{
    ky_mutex_lock(&wait_lock);
    while (!is_done && !is_fatal) {
        ky_cond_wait(&wait_cond, &wait_lock);
    }
    bool was_done = is_done;
    is_done = false;
    ky_mutex_unlock(&wait_lock);
    return was_done;
}

static void
wake(struct lock_waiter *waiter)
{
    (void)waiter;
}

/* ------------------------------------------------------------------ the catalog */

static struct cat_key keys[INDEXES][2];

static struct cat_index
index_object(int number, struct cat_table *table)
{
    static const char *const names[INDEXES] = {"t_a", "t_b_c", "t_c", "t_v"};
    struct cat_key *key = keys[number];
    uint16_t count = number == 1 ? 2 : 1;
    static const int16_t columns[INDEXES][2] = {{1, 0}, {2, 3}, {3, 0}, {4, 0}};
    for (uint16_t i = 0; i < count; i++) {
        int16_t column = columns[number][i];
        key[i] = (struct cat_key){.column = column,
                                  .type = type_get(column == 2   ? OID_TEXT
                                                   : column == 4 ? OID_VECTOR
                                                                 : OID_INT8),
                                  .is_descending = number == 2,
                                  .opclass = number == TREES ? "vector_l2_ops" : NULL,
                                  .typmod = -1};
    }
    return (struct cat_index){
        .oid = (oid_t)(INDEX_FIRST + number),
        .name = names[number],
        .table = table,
        .method = number == TREES ? INDEX_HNSW
                  : is_learned    ? INDEX_RMI
                                  : INDEX_BTREE,
        .is_unique = number == 0,
        .is_valid = true,
        .key_count = count,
        .column_count = count,
        .keys = key,
    };
}

/* Commits a transaction that changed the catalog. */
static bool
commit_catalog(struct access_txn *txn)
{
    catalog_change_begin(catalog);
    access_commit(txn, TXN_SYNC, on_done, NULL);
    bool was_done = wait_done();
    catalog_change_end(catalog, was_done ? storage_visible_lsn(storage) - 8 : 0);
    return was_done;
}

static void
make_table(void)
{
    static const char *const names[COLUMNS] = {"a", "b", "c", "v"};
    struct cat_column columns[COLUMNS];
    struct ky_error err;
    memset(columns, 0, sizeof(columns));
    for (int i = 0; i < COLUMNS; i++) {
        columns[i] = (struct cat_column){.name = names[i],
                                         .number = (int16_t)(i + 1),
                                         .type = type_get(i == 1   ? OID_TEXT
                                                          : i == 3 ? OID_VECTOR
                                                                   : OID_INT8),
                                         .typmod = i == 3 ? DIMENSION : -1,
                                         .missing = datum_null()};
    }
    struct cat_table table = {.oid = TABLE,
                              .name = "t",
                              .schema = OID_SCHEMA_PUBLIC,
                              .kind = 'r',
                              .persistence = 'p',
                              .rel = TABLE_REL,
                              .owner = OID_ROLE_POSTGRES,
                              .columns = columns,
                              .column_count = COLUMNS};
    struct access_txn *txn = access_begin(access_layer, ISOLATION_READ_COMMITTED);
    struct txn *inner = access_storage_txn(txn);
    txn_statement_begin(inner);
    CHECK(catalog_insert(inner, CAT_TABLE, &table, &err) == KY_OK);
    for (int i = 0; i < INDEXES; i++) {
        struct cat_index index = index_object(i, &table);
        CHECK(catalog_insert(inner, CAT_INDEX, &index, &err) == KY_OK);
    }
    txn_statement_end(inner);
    CHECK(commit_catalog(txn));
    CHECK(access_refresh(access_layer, &err) == KY_OK);
}

static struct cat_image *
acquire_image(struct txn *txn)
{
    struct cat_image *image;
    struct ky_error err;
    CHECK(catalog_acquire(catalog, txn, false, &image, &err) == KY_OK);
    return image;
}

/* ------------------------------------------------------------------ steps */

/* What a vector's bytes are in a row; few different numbers, so that some are equal. */
static void
random_vector(float *floats)
{
    for (int i = 0; i < DIMENSION; i++) {
        floats[i] = (float)ky_prng_below(&prng, 12) / 2;
    }
}

static void
random_values(struct datum *values, char *text)
{
    static float vector[DIMENSION];
    values[0] = (struct datum){.word = (int64_t)ky_prng_below(&prng, KEYS)};
    int size = snprintf(text, 32, "%s%" PRIu64, ky_prng_below(&prng, 2) == 0 ? "b" : "bb",
                        ky_prng_below(&prng, 20));
    values[1] = ky_prng_below(&prng, 10) == 0 ? datum_null() : datum_bytes(text, (size_t)size);
    values[2] = (struct datum){.word = (int64_t)ky_prng_below(&prng, 30) - 15};
    random_vector(vector);
    values[3] = ky_prng_below(&prng, 10) == 0 ? datum_null() : datum_bytes(vector, sizeof(vector));
}

/* What waits gives up: the statement is undone, as after a timeout. */
static void
settle(struct access_txn *txn, struct lock_waiter *waiter, const struct access_savepoint *before,
       ky_status status, enum access_answer answer)
{
    if (status == KY_OK && answer == ACCESS_PENDING) {
        storage_lock_cancel(waiter);
    }
    if (status != KY_OK || answer == ACCESS_PENDING) {
        access_savepoint_rollback(txn, before, true);
    }
}

static void
step_insert(struct access_txn *txn, const struct cat_table *table)
{
    struct datum values[COLUMNS];
    char text[32];
    struct ky_error err;
    row_id_t row_id;
    enum access_answer answer = ACCESS_DONE;
    struct lock_waiter waiter = {.wake = wake, .who = "test"};
    struct access_savepoint before;
    access_savepoint_set(txn, &before);
    random_values(values, text);
    ky_status status = access_insert(txn, table, values, NULL, &waiter, &row_id, &answer, &err);
    CHECK(status == KY_OK || err.sqlstate == KY_UNIQUE_VIOLATION ||
          err.sqlstate == KY_DEADLOCK_DETECTED || is_faulty);
    settle(txn, &waiter, &before, status, answer);
}

/* Some row that the transaction sees; ROW_ID_NONE when it sees none. */
static row_id_t
random_row(struct txn *txn)
{
    row_id_t end = storage_row_id_end(storage, TABLE_REL);
    struct row_ref row;
    for (int i = 0; i < 30 && end > 1; i++) {
        row_id_t row_id = 1 + ky_prng_below(&prng, end - 1);
        if (storage_get(txn, TABLE_REL, row_id, &row)) {
            return row_id;
        }
    }
    return ROW_ID_NONE;
}

static void
step_change(struct access_txn *txn, const struct cat_table *table)
{
    struct txn *inner = access_storage_txn(txn);
    row_id_t row_id = random_row(inner);
    struct lock_waiter waiter = {.wake = wake, .who = "test"};
    enum access_answer answer = ACCESS_DONE;
    struct access_savepoint before;
    struct ky_error err;
    if (row_id == ROW_ID_NONE) {
        return;
    }
    access_savepoint_set(txn, &before);
    ky_status status =
        access_lock(txn, table, row_id, ROW_LOCK_UPDATE, LOCK_POLICY_SKIP, &waiter, &answer, &err);
    CHECK(status == KY_OK);
    if (answer != ACCESS_DONE) {
        settle(txn, &waiter, &before, status, answer);
        return;
    }
    if (ky_prng_below(&prng, 4) == 0) {
        CHECK(access_delete(txn, table, row_id, &err) == KY_OK);
        return;
    }
    struct datum values[COLUMNS];
    const bool is_changed[COLUMNS] = {true, true, true, ky_prng_below(&prng, 2) == 0};
    char text[32];
    random_values(values, text);
    if (!is_changed[3]) {
        struct row_ref row;
        CHECK(storage_get(inner, TABLE_REL, row_id, &row));
        values[3] = row_get(&table->layout, row.body, 3);
    }
    status = access_update(txn, table, row_id, values, is_changed, &waiter, &answer, &err);
    CHECK(status == KY_OK || err.sqlstate == KY_UNIQUE_VIOLATION ||
          err.sqlstate == KY_DEADLOCK_DETECTED || is_faulty);
    settle(txn, &waiter, &before, status, answer);
}

static void
step(int number)
{
    struct access_txn **place = &txns[number];
    if (*place == NULL) {
        *place = access_begin(access_layer, ISOLATION_READ_COMMITTED);
        return;
    }
    struct txn *inner = access_storage_txn(*place);
    uint64_t choice = ky_prng_below(&prng, 14);
    if (choice == 0) {
        access_rollback(*place);
        *place = NULL;
        return;
    }
    if (choice <= 2) {
        struct access_txn *txn = *place;
        *place = NULL;
        access_commit(txn, TXN_SYNC, on_done, NULL);
        if (!wait_done()) {
            unanswered[unanswered_count++ % (int)KY_COUNT_OF(unanswered)] = txn;
        }
        return;
    }
    txn_statement_begin(inner);
    struct cat_image *image = acquire_image(inner);
    const struct cat_table *table = cat_get_table(image, TABLE);
    CHECK(table != NULL);
    if (choice <= 8) {
        for (int i = 0; i < 4; i++) {
            step_insert(*place, table);
        }
    } else {
        step_change(*place, table);
    }
    cat_image_release(image);
    txn_statement_end(inner);
}

static void
step_checkpoint(void)
{
    struct ky_error err;
    lsn_t lsn = 0;
    bool is_written = storage_checkpoint(storage, &lsn, &err) == KY_OK;
    CHECK(is_written || is_faulty);
    /* What was found damaged is saved anew. */
    is_damaged = is_damaged && !is_written;
}

/* A graph of what there is, beside the linker. */
static void
step_build(void)
{
    struct ky_error err;
    const struct vector_work work = {.threads = 1};
    struct access_txn *txn = access_begin(access_layer, ISOLATION_READ_COMMITTED);
    struct txn *inner = access_storage_txn(txn);
    txn_statement_begin(inner);
    struct cat_image *image = acquire_image(inner);
    const struct cat_table *table = cat_get_table(image, TABLE);
    CHECK(table != NULL);
    CHECK(access_vector_build(access_layer, table->indexes[TREES]->oid, &work, &err) == KY_OK);
    cat_image_release(image);
    txn_statement_end(inner);
    access_rollback(txn);
}

/* ------------------------------------------------------------------ what must hold */

static void
check_index(struct txn *txn, const struct cat_index *index, uint64_t live)
{
    struct access_index *runtime = access_find_runtime(access_layer, index->oid);
    struct index_scan scan = {.index = runtime->tree};
    struct index_entry entries[64];
    struct ky_error err;
    uint64_t count = 0;
    struct ky_buffer key = {0};
    struct ky_buffer seen = {0};
    size_t seen_size = storage_row_id_end(storage, TABLE_REL);
    memset(ky_buffer_extend(&seen, seen_size), 0, seen_size);
    CHECK(index_verify(runtime->tree, &err) == KY_OK);
    for (uint32_t got; (got = index_scan_next(&scan, entries, 64)) > 0; count += got) {
        for (uint32_t i = 0; i < got; i++) {
            struct row_ref row;
            CHECK(storage_get(txn, TABLE_REL, entries[i].row_id, &row));
            CHECK(entries[i].row_id < seen_size && seen.data[entries[i].row_id] == 0);
            seen.data[entries[i].row_id] = 1;
            ky_buffer_clear(&key);
            CHECK(runtime_row_key(runtime, index, row.body, &key));
            CHECK(ky_slice_equal(ky_buffer_slice(&key), entries[i].key));
        }
    }
    CHECK(count == live);
    CHECK(atomic_load(&runtime->stale_count) == 0);
    index_scan_deinit(&scan);
    ky_buffer_deinit(&key);
    ky_buffer_deinit(&seen);
}

/* The distances of the rows with a vector, the nearest first. */
static uint64_t
row_distances(struct txn *txn, const struct cat_table *table, const float *query, double *distances)
{
    const struct vector_options of_vectors = {.metric = VECTOR_L2, .dimension = DIMENSION};
    struct storage_scan scan;
    struct row_ref rows[64];
    uint64_t count = 0;
    storage_scan_init(&scan, txn, TABLE_REL);
    for (uint32_t got; (got = storage_scan_next(&scan, rows, 64)) > 0;) {
        for (uint32_t i = 0; i < got; i++) {
            float floats[DIMENSION];
            struct datum value = row_get(&table->layout, rows[i].body, 3);
            if (!value.is_null) {
                CHECK(value.bytes.size == sizeof(floats));
                memcpy(floats, value.bytes.data, sizeof(floats));
                uint64_t at = count++;
                double distance = vector_distance(&of_vectors, query, floats);
                for (; at > 0 && distances[at - 1] > distance; at--) {
                    distances[at] = distances[at - 1];
                }
                distances[at] = distance;
            }
        }
    }
    return count;
}

static uint32_t
search_vectors(struct access_txn *txn, const struct cat_index *index, const float *query,
               enum vector_mode mode, uint32_t k, struct access_hit *hits)
{
    struct ky_error err;
    uint32_t count = 0;
    const struct access_vector_query vector_query = {.value =
                                                         ky_slice(query, DIMENSION * sizeof(float)),
                                                     .search = {.k = k, .mode = mode, .ef = 200}};
    CHECK(access_vector_search(txn, index, &vector_query, hits, &count, NULL, &err) == KY_OK);
    return count;
}

/* Entries that nobody sees count as well: the engine is asked for all it has. */
static void
check_vectors(struct access_txn *txn, const struct cat_table *table, uint64_t live)
{
    struct txn *inner = access_storage_txn(txn);
    const struct cat_index *index = table->indexes[TREES];
    struct access_index *runtime = access_find_runtime(access_layer, index->oid);
    struct access_hit *hits = ky_malloc((live + 100) * sizeof(*hits));
    struct vector_hit *entries = ky_malloc((live + 100) * sizeof(*entries));
    double *distances = ky_malloc((live + 1) * sizeof(*distances));
    const uint32_t all = (uint32_t)live + 50;
    for (int i = 0; i < 3; i++) {
        float query[DIMENSION];
        struct ky_error err;
        uint32_t count = 0;
        random_vector(query);
        uint64_t rows = row_distances(inner, table, query, distances);
        const struct vector_search search = {.query = query, .k = all, .mode = VECTOR_MODE_EXACT};
        CHECK(collection_search(runtime->vectors, &search, entries, &count, NULL, &err) == KY_OK);
        CHECK(count == rows);
        CHECK(search_vectors(txn, index, query, VECTOR_MODE_ANN, all, hits) == rows);
        count = search_vectors(txn, index, query, VECTOR_MODE_EXACT, NEAREST, hits);
        CHECK(count == KY_MIN(rows, (uint64_t)NEAREST));
        for (uint32_t j = 0; j < count; j++) {
            CHECK(hits[j].distance == distances[j]);
        }
    }
    ky_free(hits);
    ky_free(entries);
    ky_free(distances);
    struct collection_stats stats;
    collection_stats(runtime->vectors, &stats);
    graphs += stats.has_graph;
}

static void
check_unique(struct access_txn *txn, const struct cat_table *table)
{
    struct txn *inner = access_storage_txn(txn);
    struct lock_waiter waiter = {.wake = wake, .who = "test"};
    enum access_answer answer;
    struct ky_error err;
    struct row_ref row;
    row_id_t got;
    row_id_t row_id = random_row(inner);
    if (row_id == ROW_ID_NONE || !storage_get(inner, TABLE_REL, row_id, &row)) {
        return;
    }
    struct datum values[COLUMNS] = {row_get(&table->layout, row.body, 0), datum_null(),
                                    datum_null(), datum_null()};
    CHECK(access_insert(txn, table, values, NULL, &waiter, &got, &answer, &err) == KY_ERR);
    CHECK(err.sqlstate == KY_UNIQUE_VIOLATION);
}

static void
check_all(void)
{
    struct access_txn *txn = access_begin(access_layer, ISOLATION_READ_COMMITTED);
    struct txn *inner = access_storage_txn(txn);
    txn_statement_begin(inner);
    struct cat_image *image = acquire_image(inner);
    const struct cat_table *table = cat_get_table(image, TABLE);
    CHECK(table != NULL && table->index_count == INDEXES);
    uint64_t live = storage_count(inner, TABLE_REL);
    for (int i = 0; i < TREES; i++) {
        check_index(inner, table->indexes[i], live);
    }
    check_vectors(txn, table, live);
    check_unique(txn, table);
    cat_image_release(image);
    txn_statement_end(inner);
    access_rollback(txn);
}

/* ------------------------------------------------------------------ lives */

static void
open_all(void)
{
    struct ky_error err;
    ky_error_init(&err);
    is_fatal = false;
    is_done = false;
    if (storage_open(&options, &storage, &err) != KY_OK ||
        catalog_open(storage, &catalog, &err) != KY_OK ||
        access_open(storage, catalog, 0, &access_layer, &err) != KY_OK) {
        (void)fprintf(stderr, "open: %s %s\n", err.message, err.detail);
        CHECK(false);
    }
    for (int i = 0; i < INDEXES; i++) {
        char name[32];
        struct part_info info;
        (void)snprintf(name, sizeof(name), "index-%d", INDEX_FIRST + i);
        loads += storage_part_find(storage, name, &info);
    }
    CHECK(is_damaged || access_layer->failed_loads == 0);
}

static void
close_all(void)
{
    for (int i = 0; i < TXNS; i++) {
        if (txns[i] != NULL) {
            access_rollback(txns[i]);
            txns[i] = NULL;
        }
    }
    access_close(access_layer);
    catalog_close(catalog);
    storage_close(storage);
}

static void
damage_part(void *arg, const char *path)
{
    uint64_t size = 0;
    (void)arg;
    if (strstr(path, ".part") == NULL || ky_prng_below(&prng, 3) != 0) {
        return;
    }
    uint8_t *bytes = mem_disk_bytes(disk, path, &size);
    if (size > 0) {
        is_damaged = true;
        bytes[ky_prng_below(&prng, size)] ^= (uint8_t)(1U << ky_prng_below(&prng, 8));
    }
}

static void
live(void)
{
    is_faulty = ky_prng_below(&prng, 2) == 0;
    mem_disk_fault(disk, is_faulty ? MEM_FAULT_POWER : MEM_FAULT_NONE, 5,
                   1 + ky_prng_below(&prng, 250));
    for (int i = 0; i < STEPS && !has_failed(); i++) {
        if (is_learned && ky_prng_below(&prng, 40) == 0) {
            /* Built beside what follows; now and then what follows waits for the builder to begin.
             */
            const struct timespec while_one = {.tv_nsec = 210 * 1000000};
            (void)access_index_rebuild(access_layer, 0);
            if (ky_prng_below(&prng, 20) == 0) {
                (void)nanosleep(&while_one, NULL);
            }
        }
        if (ky_prng_below(&prng, 60) == 0) {
            step_checkpoint();
        } else if (ky_prng_below(&prng, 60) == 0) {
            step_build();
        } else {
            step((int)ky_prng_below(&prng, TXNS));
        }
    }
    if (!is_faulty && ky_prng_below(&prng, 2) == 0) {
        step_checkpoint();
    }
    close_all();
    if (is_faulty) {
        mem_disk_crash(disk, (enum mem_crash)ky_prng_below(&prng, 3), ky_prng_next(&prng));
    }
    mem_disk_fault(disk, MEM_FAULT_NONE, 0, 0);
    if (ky_prng_below(&prng, 5) == 0) {
        mem_disk_each_file(disk, damage_part, NULL);
    }
    open_all();
    check_all();
}

static void
run_directory(void)
{
    disk = mem_disk_new();
    options = (struct storage_options){
        .dir = "data",
        .io = mem_disk_io(disk),
        .segment_size = 65536 * (1 + ky_prng_below(&prng, 3)),
        .chunk_size = 4096,
        .on_fatal = on_fatal,
    };
    open_all();
    make_table();
    for (int i = 0; i < LIVES; i++) {
        live();
    }
    close_all();
    mem_disk_free(disk);
}

int
main(void)
{
    const char *text = getenv("KYRO_SEED");
    seed = text != NULL ? strtoull(text, NULL, 10) : (uint64_t)ky_wall_us();
    text = getenv("KYRO_ROUNDS");
    uint64_t rounds = text != NULL ? strtoull(text, NULL, 10) : 10;
    ky_log_set_level(KY_LOG_ERROR);
    ky_mutex_init(&wait_lock);
    ky_cond_init(&wait_cond);
    for (uint64_t i = 0; i < rounds; i++, seed++) {
        ky_prng_init(&prng, seed);
        is_learned = seed % 2 == 0;
        run_directory();
    }
    (void)printf("access crash: %" PRIu64 " directories, %" PRIu64 " loads, %" PRIu64
                 " graphs, last seed %" PRIu64 "\n",
                 rounds, loads, graphs, seed - 1);
    return loads > 0 && graphs > 0 ? 0 : 1;
}

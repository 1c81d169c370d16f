/* SPDX-License-Identifier: Apache-2.0 */
#include "bench/load/vector_side.h"

#include <arpa/inet.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "server/base/arena.h"
#include "server/base/random.h"

static void
fail(const struct side *side, PGconn *connection)
{
    (void)fprintf(stderr, "%s: %s", side->name, PQerrorMessage(connection));
    exit(1);
}

static void
take(const struct side *side, PGconn *connection, PGresult *result)
{
    const ExecStatusType status = PQresultStatus(result);
    if (status != PGRES_COMMAND_OK && status != PGRES_TUPLES_OK && status != PGRES_COPY_IN &&
        status != PGRES_EMPTY_QUERY) {
        fail(side, connection);
    }
    PQclear(result);
}

PGconn *
side_connect(const struct side *side)
{
    PGconn *connection = PQconnectdb(side->conninfo);
    if (PQstatus(connection) != CONNECTION_OK) {
        fail(side, connection);
    }
    take(side, connection, PQexec(connection, "SET client_min_messages = warning"));
    return connection;
}

void
side_open(struct side *side)
{
    side->connection = side_connect(side);
    side_run(side, "CREATE EXTENSION IF NOT EXISTS vector");
    side->vector_oid = (uint32_t)side_number(side, "SELECT 'vector'::regtype::oid");
}

void
side_open_when_up(struct side *side)
{
    for (uint32_t i = 0; i < 60000; i++) {
        PGconn *connection = PQconnectdb(side->conninfo);
        const bool is_up = PQstatus(connection) == CONNECTION_OK;
        PQfinish(connection);
        if (is_up) {
            break;
        }
        (void)usleep(1000);
    }
    side_open(side);
}

void
side_close(struct side *side)
{
    PQfinish(side->connection);
    side->connection = NULL;
}

void
side_run(const struct side *side, const char *sql)
{
    take(side, side->connection, PQexec(side->connection, sql));
}

bool
side_try(const struct side *side, const char *sql)
{
    PGresult *result = PQexec(side->connection, sql);
    const bool is_done = PQresultStatus(result) == PGRES_COMMAND_OK;
    PQclear(result);
    return is_done;
}

double
side_number(const struct side *side, const char *sql)
{
    PGresult *result = PQexec(side->connection, sql);
    if (PQresultStatus(result) != PGRES_TUPLES_OK || PQntuples(result) != 1) {
        fail(side, side->connection);
    }
    const double number = strtod(PQgetvalue(result, 0, 0), NULL);
    PQclear(result);
    return number;
}

double
side_seconds(const struct side *side, const char *sql)
{
    const double started = vector_set_wall_seconds();
    side_run(side, sql);
    return vector_set_wall_seconds() - started;
}

/* ------------------------------------------------------------------ binary */

static char *
put16(char *at, uint32_t value)
{
    const uint16_t order = htons((uint16_t)value);
    memcpy(at, &order, sizeof(order));
    return at + sizeof(order);
}

static char *
put32(char *at, uint32_t value)
{
    const uint32_t order = htonl(value);
    memcpy(at, &order, sizeof(order));
    return at + sizeof(order);
}

static size_t
vector_size(const struct vector_set *set)
{
    return 4 + sizeof(float) * (size_t)set->dimension;
}

static char *
put_vector(char *at, const struct vector_set *set, const float *values)
{
    at = put16(at, set->dimension);
    at = put16(at, 0);
    for (uint32_t i = 0; i < set->dimension; i++) {
        uint32_t bits;
        memcpy(&bits, values + i, sizeof(bits));
        at = put32(at, bits);
    }
    return at;
}

void
side_load(const struct side *side, const struct vector_set *set)
{
    PGconn *connection = side->connection;
    char *row = ky_malloc(64 + 16 * (size_t)set->dimension);
    take(side, connection, PQexec(connection, "COPY items FROM STDIN"));
    for (uint32_t i = 0; i < set->rows; i++) {
        const float *values = set->values + (size_t)i * set->dimension;
        char *at = row + sprintf(row, "%u\t%u\t0\t", i, i * 2654435761U % 100);
        for (uint32_t j = 0; j < set->dimension; j++) {
            at += sprintf(at, "%c%.9g", j == 0 ? '[' : ',', (double)values[j]);
        }
        at += sprintf(at, "]\n");
        if (PQputCopyData(connection, row, (int)(at - row)) != 1) {
            fail(side, connection);
        }
    }
    (void)PQputCopyEnd(connection, NULL);
    take(side, connection, PQgetResult(connection));
    while (PQgetResult(connection) != NULL) {
    }
    ky_free(row);
}

/* ------------------------------------------------------------------ asking again and again */

struct worker {
    const struct side *side;
    const struct vector_set *set;
    const struct side_work *work;
    PGconn *connection;
    char *queries; /* all of the set, in binary */
    char *made;    /* room for one more */
    uint32_t number, numbers_step;
    uint32_t next_query;
    pthread_t thread;
    double until;
    uint64_t done;
};

static void
worker_open(struct worker *worker)
{
    const struct vector_set *set = worker->set;
    const Oid types[] = {worker->work->is_number ? 23 : worker->side->vector_oid,
                         worker->side->vector_oid};
    worker->connection = side_connect(worker->side);
    take(worker->side, worker->connection, PQexec(worker->connection, worker->work->settings));
    take(worker->side, worker->connection,
         PQprepare(worker->connection, "s", worker->work->statement,
                   worker->work->has_vector_too ? 2 : 1, types));
    worker->queries = ky_malloc(vector_size(set) * set->queries);
    worker->made = ky_malloc(vector_size(set));
    for (uint32_t i = 0; i < set->queries; i++) {
        (void)put_vector(worker->queries + i * vector_size(set), set,
                         set->query_values + (size_t)i * set->dimension);
    }
}

static void
worker_close(struct worker *worker)
{
    PQfinish(worker->connection);
    ky_free(worker->queries);
    ky_free(worker->made);
}

/* Half of one query's vector and half of another's: a vector of its own for each of queries^2
 * numbers in a row. */
static const char *
vector_of_number(struct worker *worker)
{
    const uint32_t queries = worker->set->queries;
    const size_t size = vector_size(worker->set);
    const size_t half = 4 + sizeof(float) * (size_t)(worker->set->dimension / 2);
    const char *first = worker->queries + worker->number % queries * size;
    const char *second = worker->queries + worker->number / queries % queries * size;
    memcpy(worker->made, first, half);
    memcpy(worker->made + half, second + half, size - half);
    return worker->made;
}

static PGresult *
ask(struct worker *worker, uint32_t query)
{
    const struct side_work *work = worker->work;
    const char *vector = work->has_vector_too ? vector_of_number(worker)
                                              : worker->queries + query * vector_size(worker->set);
    char number[4];
    (void)put32(number, worker->number);
    const char *values[] = {work->is_number ? number : vector, vector};
    const int sizes[] = {work->is_number ? 4 : (int)vector_size(worker->set),
                         (int)vector_size(worker->set)};
    const int formats[] = {1, 1};
    worker->number += worker->numbers_step;
    PGresult *result = PQexecPrepared(worker->connection, "s", work->has_vector_too ? 2 : 1, values,
                                      sizes, formats, 1);
    const ExecStatusType status = PQresultStatus(result);
    if (status != PGRES_TUPLES_OK && status != PGRES_COMMAND_OK) {
        fail(worker->side, worker->connection);
    }
    if (status == PGRES_COMMAND_OK && strcmp(PQcmdTuples(result), "0") == 0) {
        (void)fprintf(stderr, "%s: \"%s\" found no row\n", worker->side->name, work->statement);
        exit(1);
    }
    return result;
}

static void *
worker_run(void *arg)
{
    struct worker *worker = arg;
    while (vector_set_wall_seconds() < worker->until) {
        PQclear(ask(worker, worker->next_query));
        worker->next_query = (worker->next_query + 1) % worker->set->queries;
        worker->done++;
    }
    return NULL;
}

double
side_rate(const struct side *side, const struct vector_set *set, const struct side_work *work,
          uint32_t connections, double seconds)
{
    struct worker *workers = ky_calloc(connections, sizeof(*workers));
    uint64_t done = 0;
    for (uint32_t i = 0; i < connections; i++) {
        workers[i] = (struct worker){.side = side,
                                     .set = set,
                                     .work = work,
                                     .number = work->first_number + i,
                                     .numbers_step = connections,
                                     .next_query = i * set->queries / connections};
        worker_open(&workers[i]);
    }
    const double started = vector_set_wall_seconds();
    for (uint32_t i = 0; i < connections; i++) {
        workers[i].until = started + seconds;
        (void)pthread_create(&workers[i].thread, NULL, worker_run, &workers[i]);
    }
    for (uint32_t i = 0; i < connections; i++) {
        (void)pthread_join(workers[i].thread, NULL);
        done += workers[i].done;
    }
    const double taken = vector_set_wall_seconds() - started;
    for (uint32_t i = 0; i < connections; i++) {
        worker_close(&workers[i]);
    }
    ky_free(workers);
    return (double)done / taken;
}

double
side_recall(const struct side *side, const struct vector_set *set, const double *limits,
            const struct side_work *work)
{
    struct worker worker = {.side = side, .set = set, .work = work};
    double sum = 0;
    worker_open(&worker);
    for (uint32_t i = 0; i < set->queries; i++) {
        uint64_t rows[VECTOR_SET_K];
        PGresult *result = ask(&worker, i);
        const uint32_t count = KY_MIN((uint32_t)PQntuples(result), (uint32_t)VECTOR_SET_K);
        for (uint32_t j = 0; j < count; j++) {
            uint32_t id;
            memcpy(&id, PQgetvalue(result, (int)j, 0), sizeof(id));
            rows[j] = ntohl(id);
        }
        sum += vector_set_recall_within(set, limits, i, rows, count);
        PQclear(result);
    }
    worker_close(&worker);
    return sum / set->queries;
}

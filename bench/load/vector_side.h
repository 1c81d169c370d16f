/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <libpq-fe.h>
#include <stdbool.h>
#include <stdint.h>

#include "bench/micro/vector_set.h"

/* One of the two servers of vector_wire.c: everything asked of it is asked in the same way. */
struct side {
    const char *name;
    const char *conninfo;
    PGconn *connection; /* for everything that is not measured from several */
    uint32_t vector_oid;
};

/* All of these end the program when the server says no. */
PGconn *side_connect(const struct side *side);
void side_open(struct side *side);
/* Waits for a server that is starting; up to a minute. */
void side_open_when_up(struct side *side);
void side_close(struct side *side);
void side_run(const struct side *side, const char *sql);
double side_number(const struct side *side, const char *sql);
double side_seconds(const struct side *side, const char *sql);
/* One that may be missing on a server: false, and nothing else happens. */
bool side_try(const struct side *side, const char *sql);
/* COPY as text of items (id, category, note, v). */
void side_load(const struct side *side, const struct vector_set *set);

/* What is asked again and again: a prepared statement with a vector in binary format as $1, or
 * with numbers. */
struct side_work {
    const char *settings;  /* run by each connection first; may be "" */
    const char *statement; /* its first parameter is a query's vector, or a number */
    bool is_number;        /* $1 is a number, from first_number on */
    bool has_vector_too;   /* and $2 a vector, see vector_of_number */
    uint32_t first_number;
};
/* Statements a second of so many connections, each on its own thread. */
double side_rate(const struct side *side, const struct vector_set *set,
                 const struct side_work *work, uint32_t connections, double seconds);
/* Mean recall over all queries of the set; rows are the ids that the statement gives. */
double side_recall(const struct side *side, const struct vector_set *set, const double *limits,
                   const struct side_work *work);

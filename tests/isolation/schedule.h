/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <libpq-fe.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

/* Statements of several sessions in an order, run on two servers at once and compared. */
enum { SESSIONS = 4, STEPS_MAX = 120, SETUP_MAX = 32, SQL_MAX = 1024, TEXT_MAX = 32768 };

struct step {
    int session;
    bool is_extended; /* sent by Parse, Bind, Execute */
    char sql[SQL_MAX];
};

struct schedule {
    char setup[SETUP_MAX][SQL_MAX];
    int setup_count;
    struct step steps[STEPS_MAX];
    int count;
};

/* What the generator knows of a session. */
struct session_view {
    PGTransactionStatusType state;
    int savepoints; /* taken in this block, about */
    int cursors;
};

struct gen {
    uint64_t state;
    struct session_view views[SESSIONS];
    bool has_ddl;
    bool is_repeatable_read_only;
};

/* Tables with keys and constraints that the seed picks, and their first rows. */
void gen_setup(struct gen *gen, struct schedule *schedule);
/* One statement for the session. */
void gen_step(struct gen *gen, struct step *step);
unsigned gen_pick(struct gen *gen, unsigned count);
/* What is read at the end, of each server. */
extern const char *const final_queries[];

/* One of the two servers, with a connection for each session and one that looks on. */
struct side {
    const char *name;
    const char *conninfo;
    PGconn *conns[SESSIONS];
    PGconn *monitor;
    bool is_busy[SESSIONS];
    char copies[SESSIONS][SQL_MAX]; /* the last statement: a COPY has its data in it */
    int settle_ms;       /* how long all must have waited before nothing more is expected */
    bool has_locks;      /* table locks are compared as well */
    char text[TEXT_MAX]; /* what came of the last step */
    size_t size;
};

bool side_open(struct side *side);
void side_close(struct side *side);
/* Empties the database, ends what sessions hold, runs the setup. */
bool side_reset(struct side *side, const struct schedule *schedule);
void side_send(struct side *side, const struct step *step);
/* Waits until every session is idle or waits for a lock, and writes the answers to text. */
bool side_settle(struct side *side);
/* Writes the rows of all tables to text. */
void side_read_all(struct side *side);

enum outcome { OUTCOME_SAME, OUTCOME_DIFFERS, OUTCOME_DEADLOCK, OUTCOME_KNOWN, OUTCOME_BROKEN };

struct pair {
    struct side ours;
    struct side peer;
    bool is_verbose;
    int differing_step; /* count: the tables at the end */
};

/* Runs it; with gen, which may be NULL, the steps are made on the way, `steps` of them. */
enum outcome pair_run(struct pair *pair, struct schedule *schedule, struct gen *gen, int steps);

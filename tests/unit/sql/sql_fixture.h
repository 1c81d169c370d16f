/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "server/sql/bind/bind.h"

/*
 * A small database without storage, for the binder's and the planner's tests:
 *   t (a int4, b text, c numeric(10,2), d timestamp, e int4[], f json)
 *   u (a int4, x varchar(10))            accounts (aid int4 primary key, bid, abalance int4,
 * filler) g (id int4 always identity, v int4 check (v > 0), w int4 generated, s int4 default 7)
 *   vectors (key int8 primary key, vector vector(3), tag text)
 *   v: a view, SELECT a, b FROM t WHERE a > 1
 */
struct sql_fixture {
    struct ky_arena arena;
    struct cat_image image;
    struct cat_path path;
    struct func_env env;
    oid_t params[64];
    struct bind_context context;
};

void sql_fixture_init(struct sql_fixture *fixture);
void sql_fixture_deinit(struct sql_fixture *fixture);
/* Parses and binds one statement; parameters start unknown. */
ky_status sql_fixture_bind(struct sql_fixture *fixture, const char *sql, struct query **query_out,
                           struct ky_error *err);
struct cat_table *sql_fixture_table(struct sql_fixture *fixture, const char *name);

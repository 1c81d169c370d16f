/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdint.h>

/*
 * Runs ANALYZE on tables of which much has changed: 50 rows and a tenth of the table, as
 * PostgreSQL's autovacuum does by default. A thread that gives way to others looks every naptime_s
 * seconds.
 */
struct server;
struct autoanalyze;
struct autoanalyze *autoanalyze_start(struct server *server, int64_t naptime_s);
/* NULL: there is none. Cancels what runs. Before the server's end. */
void autoanalyze_stop(struct autoanalyze *autoanalyze);

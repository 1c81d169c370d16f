/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "server/session/session_private.h"

/* DO: PL/pgSQL blocks. */

/* Runs the block of the portal's statement. *is_pending_out: come back after the wake; portal->
 * program remembers where it is. Fills session->tag. */
KY_MUST_CHECK ky_status plpgsql_do(struct session *session, struct portal *portal,
                                   const struct ast_do *statement, bool *is_pending_out,
                                   struct ky_error *err);
/* Gives up what portal->program runs, if there is one. Before its transaction goes. */
void plpgsql_end(struct session *session, struct portal *portal);
/* The portal's program is what called: it must stay. */
bool plpgsql_is_inside(const struct portal *portal);
/* A loop of a program that runs is over the table's rows. */
bool plpgsql_reads_table(const struct session *session, oid_t table);

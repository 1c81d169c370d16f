/* SPDX-License-Identifier: Apache-2.0 */
#include "server/session/utility.h"

/*
 * Relations that are filled by a query: CREATE TABLE AS, CREATE and REFRESH MATERIALIZED VIEW. The
 * catalog's part comes first; the rows come from a portal, which may wait, spill and be cancelled
 * as any statement's.
 */

static void
run_inner(struct session *session, struct portal *portal, enum utility_answer *answer_out)
{
    session->running = portal;
    session->owned_portal = portal;
    *answer_out = UTILITY_PORTAL;
}

ky_status
utility_create_table_as(struct session *session, struct portal *outer,
                        const struct ast_create_table_as *create, enum utility_answer *answer_out,
                        struct ky_error *err)
{
    struct query *query = NULL;
    bool is_done = false;
    bool is_pending = false;
    struct portal *portal = utility_inner_portal(session, outer, &create->node);
    if (ddl_create_table_as(session, create, portal->source, &portal->source->plan_arena, &query,
                            &is_done, &is_pending, err) != KY_OK) {
        portal_free(session, portal);
        return KY_ERR;
    }
    if (is_pending || is_done) {
        portal_free(session, portal);
        *answer_out = is_pending ? UTILITY_PENDING : UTILITY_DONE;
        return KY_OK;
    }
    portal->source->query_made = query;
    portal->forced_tag = "SELECT";
    run_inner(session, portal, answer_out);
    return KY_OK;
}

static ky_status
refresh_source(struct plan_source *source, const struct ddl_refreshing *refreshing,
               struct ky_error *err)
{
    struct ast_list parsed = {0};
    source->query_made = refreshing->query;
    if (refreshing->sql == NULL) {
        return KY_OK;
    }
    source->sql = source->own_sql = ky_slice_dup(source->arena, ky_slice_cstr(refreshing->sql));
    KY_TRY(parse_sql(source->arena, source->sql, &parsed, err));
    source->tree =
        ((const struct ast_statement *)(const void *)ast_list_get(&parsed, 0))->statement;
    source->changes_matviews = true;
    return KY_OK;
}

ky_status
utility_refresh(struct session *session, struct portal *outer, const struct ast_refresh *refresh,
                enum utility_answer *answer_out, struct ky_error *err)
{
    struct ddl_refreshing refreshing;
    if (session->is_read_only) {
        return ky_error_set(err, KY_READ_ONLY_SQL_TRANSACTION,
                            "cannot execute REFRESH MATERIALIZED VIEW in a read-only transaction");
    }
    struct portal *portal = utility_inner_portal(session, outer, &refresh->node);
    session->has_queried = true;
    if (ddl_refresh_begin(session, refresh, portal->source, &refreshing, err) != KY_OK ||
        refresh_source(portal->source, &refreshing, err) != KY_OK) {
        portal_free(session, portal);
        return KY_ERR;
    }
    txn_command_increment(access_storage_txn(session->txn));
    if (refreshing.query == NULL && refreshing.sql == NULL) {
        portal_free(session, portal);
        *answer_out = refreshing.is_pending ? UTILITY_PENDING : UTILITY_DONE;
        return KY_OK;
    }
    portal->refreshed = refreshing.view;
    portal->is_refresh_whole = refreshing.query != NULL;
    run_inner(session, portal, answer_out);
    return KY_OK;
}

ky_status
utility_refresh_end(struct session *session, const struct portal *portal, bool *is_pending_out,
                    struct ky_error *err)
{
    *is_pending_out = false;
    strcpy(session->tag, "REFRESH MATERIALIZED VIEW");
    return portal->is_refresh_whole
               ? ddl_refresh_end(session, portal->refreshed, is_pending_out, err)
               : KY_OK;
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "server/session/cursor_private.h"
#include "server/session/utility.h"

/*
 * Cursors of SQL: DECLARE, FETCH, MOVE, CLOSE. A cursor that only goes forward runs its portal for
 * as many rows as are asked for. One that may go back keeps the rows it has read and gives them out
 * from there; one WITH HOLD reads and keeps all of them when its transaction commits. Before the
 * transaction changes anything its cursors read what is left: they do not see the change.
 *
 * Where neither SCROLL nor NO SCROLL was said, rows are kept if the plan is one that PostgreSQL can
 * run backward, and no longer than they fit into work_mem: after that the cursor only goes forward.
 */

/* ------------------------------------------------------------------ DECLARE */

static ky_status
check_declare(const struct session *session, const struct ast_declare_cursor *declare,
              struct ky_error *err)
{
    if (!session->is_block && !declare->is_with_hold) {
        return ky_error_set(err, KY_NO_ACTIVE_SQL_TRANSACTION,
                            "DECLARE CURSOR can only be used in transaction blocks");
    }
    if (declare->is_scroll && declare->is_no_scroll) {
        return ky_error_set(err, KY_INVALID_CURSOR_DEFINITION,
                            "cannot specify both SCROLL and NO SCROLL");
    }
    if (declare->is_insensitive && declare->is_asensitive) {
        return ky_error_set(err, KY_INVALID_CURSOR_DEFINITION,
                            "cannot specify both ASENSITIVE and INSENSITIVE");
    }
    if (ast_list_count(declare->query->locking) > 0) {
        if (declare->is_with_hold) {
            (void)ky_error_set(err, KY_FEATURE_NOT_SUPPORTED,
                               "DECLARE CURSOR WITH HOLD ... FOR UPDATE is not supported");
            return ky_error_detail(err, "Holdable cursors must be READ ONLY.");
        }
        if (declare->is_scroll) {
            (void)ky_error_set(err, KY_FEATURE_NOT_SUPPORTED,
                               "DECLARE SCROLL CURSOR ... FOR UPDATE is not supported");
            return ky_error_detail(err, "Scrollable cursors must be READ ONLY.");
        }
        if (declare->is_insensitive) {
            (void)ky_error_set(err, KY_INVALID_CURSOR_DEFINITION,
                               "DECLARE INSENSITIVE CURSOR ... FOR UPDATE is not valid");
            return ky_error_detail(err, "Insensitive cursors must be READ ONLY.");
        }
    }
    if (declare->name[0] == '\0') {
        return ky_error_set(err, KY_INVALID_CURSOR_NAME, "invalid cursor name: must not be empty");
    }
    if (ky_smap_find(&session->portals, ky_slice_cstr(declare->name)) != NULL) {
        return ky_error_set(err, KY_DUPLICATE_CURSOR, "cursor \"%s\" already exists",
                            declare->name);
    }
    return KY_OK;
}

/* Can PostgreSQL run such a plan backward? */
static bool
goes_backward(const struct plan *plan)
{
    switch (plan->kind) {
    case PLAN_RESULT:
    case PLAN_LIMIT:
        return plan->left != NULL && goes_backward(plan->left);
    case PLAN_SEQ_SCAN:
    case PLAN_INDEX_SCAN:
    case PLAN_FUNCTION_SCAN:
    case PLAN_VALUES_SCAN:
    case PLAN_CTE_SCAN:
    case PLAN_MATERIALIZE:
    case PLAN_SORT:
    case PLAN_TOP_N:
        return true;
    default:
        return false;
    }
}

struct cursor *
cursor_new(struct portal *portal)
{
    portal->cursor = ky_calloc(1, sizeof(*portal->cursor));
    return portal->cursor;
}

void
cursor_free(struct portal *portal)
{
    if (portal->cursor != NULL) {
        store_deinit(&portal->cursor->rows);
        ky_free(portal->cursor);
        portal->cursor = NULL;
    }
}

bool
cursor_is_scrollable(const struct portal *portal)
{
    return portal->cursor != NULL && portal->cursor->keeps_rows;
}

bool
cursor_is_binary(const struct portal *portal)
{
    return portal->cursor != NULL && portal->cursor->is_binary;
}

bool
cursor_is_held(const struct portal *portal)
{
    return portal->cursor != NULL && portal->cursor->is_held;
}

static void
take_params(struct portal *portal, const struct portal *outer)
{
    const struct plan_source *source = portal->source;
    portal->param_count = outer->param_count;
    portal->params = ky_arena_array(&portal->arena, struct datum, outer->param_count + 1U);
    for (uint16_t i = 0; i < outer->param_count; i++) {
        portal->params[i] = outer->params[i];
        if (!outer->params[i].is_null && type_get(source->param_types[i])->storage == TYPE_BYTES) {
            portal->params[i].bytes = ky_slice_dup(&portal->arena, outer->params[i].bytes);
        }
    }
}

/* The query, parsed again so that its tree lives as long as the cursor. */
static ky_status
prepare_query(struct session *session, const struct portal *outer,
              const struct ast_declare_cursor *declare, struct prepared **prepared_out,
              struct ky_error *err)
{
    struct ky_buffer text = {0};
    ast_print(&text, &declare->query->node);
    struct prepared *prepared = prepared_new("", ky_buffer_slice(&text), outer->param_count);
    ky_buffer_deinit(&text);
    struct plan_source *source = &prepared->source;
    if (outer->param_count > 0) {
        memcpy(source->param_types, outer->source->param_types, outer->param_count * sizeof(oid_t));
    }
    source->param_count = outer->param_count;
    struct ast_list statements = {0};
    ky_status status = parse_sql(&prepared->arena, source->sql, &statements, err);
    if (status == KY_OK) {
        source->tree =
            ((const struct ast_statement *)(const void *)ast_list_get(&statements, 0))->statement;
        status = prepared_analyze(session, source, err);
    }
    if (status != KY_OK) {
        prepared_drop(prepared);
        return KY_ERR;
    }
    *prepared_out = prepared;
    return KY_OK;
}

ky_status
cursor_declare(struct session *session, struct portal *outer,
               const struct ast_declare_cursor *declare, struct ky_error *err)
{
    struct prepared *prepared;
    KY_TRY(check_declare(session, declare, err));
    KY_TRY(prepare_query(session, outer, declare, &prepared, err));
    struct portal *portal = portal_new(declare->name);
    portal->prepared = prepared; /* the portal's only reference */
    portal->source = &prepared->source;
    portal->is_cursor = true;
    portal->is_with_hold = declare->is_with_hold;
    portal->savepoint_count = session->savepoint_count;
    portal->cursor_sql = ky_arena_cstr(&portal->arena, outer->source->own_sql);
    struct cursor *cursor = cursor_new(portal);
    cursor->is_scroll = declare->is_scroll;
    cursor->is_binary = declare->is_binary;
    cursor->keeps_rows = declare->is_scroll ||
                         (!declare->is_no_scroll && ast_list_count(declare->query->locking) == 0 &&
                          goes_backward(portal->source->plan->root));
    take_params(portal, outer);
    session->has_cursors = true;
    (void)ky_smap_put(&session->portals, ky_slice_cstr(declare->name), portal);
    strcpy(session->tag, "DECLARE CURSOR");
    return KY_OK;
}

/* ------------------------------------------------------------------ rows that are kept */

/* Puts rows into a cursor's store. */
struct keeper {
    struct result_sink sink;
    struct portal *portal;
    ky_status status;
    struct ky_error *err;
};

static bool
keep_rows(struct result_sink *sink, const struct result_column *columns, uint16_t count,
          const struct batch *batch, const struct type_context *types)
{
    struct keeper *keeper = (struct keeper *)(void *)sink;
    struct portal *portal = keeper->portal;
    struct cursor *cursor = portal->cursor;
    (void)types;
    if (!cursor->has_store) {
        const struct type **kinds = ky_arena_array(&portal->arena, const struct type *, count + 1U);
        for (uint16_t i = 0; i < count; i++) {
            kinds[i] = columns[i].type;
        }
        store_init(&cursor->rows, kinds, count, &portal->budget);
        cursor->has_store = true;
    }
    if (keeper->status == KY_OK) {
        keeper->status = store_append(&cursor->rows, batch, keeper->err);
    }
    return true;
}

enum session_answer
cursor_read_rows(struct session *session, struct portal *portal, uint64_t target,
                 struct ky_error *err)
{
    struct keeper keeper = {
        .sink = {.rows = keep_rows}, .portal = portal, .status = KY_OK, .err = err};
    while (portal->phase != PORTAL_DONE && portal->cursor->rows.count < target) {
        const uint64_t wanted = target - portal->cursor->rows.count;
        const enum session_answer answer = portal_run(
            session, portal, wanted >= UINT32_MAX ? 0 : (uint32_t)wanted, &keeper.sink, err);
        if (answer == SESSION_PENDING || answer == SESSION_ERROR) {
            return answer;
        }
        if (keeper.status != KY_OK) {
            return SESSION_ERROR;
        }
    }
    return SESSION_DONE;
}

/* ------------------------------------------------------------------ CLOSE, COMMIT */

void
cursor_close_all(struct session *session)
{
    size_t place = 0;
    struct ky_slice name;
    void *value;
    while (ky_smap_next(&session->portals, &place, &name, &value)) {
        struct portal *portal = value;
        if (portal->is_cursor) {
            (void)ky_smap_remove(&session->portals, name);
            portal_free(session, portal);
            place = 0; /* the map moved */
        }
    }
}

void
cursor_release(struct session *session, size_t savepoint_count)
{
    size_t place = 0;
    struct ky_slice name;
    void *value;
    while (ky_smap_next(&session->portals, &place, &name, &value)) {
        struct portal *portal = value;
        portal->savepoint_count = KY_MIN(portal->savepoint_count, savepoint_count);
    }
}

ky_status
cursor_close(struct session *session, const struct ast_close *close, struct ky_error *err)
{
    if (close->cursor == NULL) {
        strcpy(session->tag, "CLOSE CURSOR ALL");
        cursor_close_all(session);
        return KY_OK;
    }
    if (ky_smap_find(&session->portals, ky_slice_cstr(close->cursor)) == NULL) {
        return ky_error_set(err, KY_INVALID_CURSOR_NAME, "cursor \"%s\" does not exist",
                            close->cursor);
    }
    session_close_portal(session, close->cursor);
    strcpy(session->tag, "CLOSE CURSOR");
    return KY_OK;
}

/* Reads what is left; a cursor that only goes forward needs no more than that. */
static enum session_answer
read_all(struct session *session, struct portal *portal, struct ky_error *err)
{
    struct cursor *cursor = portal->cursor;
    if (cursor->has_all) {
        return SESSION_DONE;
    }
    const enum session_answer answer = cursor_read_rows(session, portal, UINT64_MAX, err);
    if (answer == SESSION_DONE) {
        cursor->dropped = cursor->keeps_rows ? 0 : cursor->position;
        cursor->has_all = true;
    }
    return answer;
}

enum session_answer
cursor_freeze(struct session *session, const struct portal *writer, struct ky_error *err)
{
    size_t place = 0;
    struct ky_slice name;
    void *value;
    while (session->has_cursors && ky_smap_next(&session->portals, &place, &name, &value)) {
        struct portal *portal = value;
        if (portal->cursor == NULL || portal == writer || !portal->is_cursor) {
            continue;
        }
        const enum session_answer answer = read_all(session, portal, err);
        if (answer != SESSION_DONE) {
            return answer;
        }
    }
    return SESSION_DONE;
}

enum session_answer
cursor_hold(struct session *session, struct ky_error *err)
{
    size_t place = 0;
    struct ky_slice name;
    void *value;
    while (session->has_cursors && ky_smap_next(&session->portals, &place, &name, &value)) {
        struct portal *portal = value;
        if (portal->is_with_hold && !portal->cursor->is_held) {
            const enum session_answer answer = read_all(session, portal, err);
            if (answer != SESSION_DONE) {
                return answer;
            }
            portal->cursor->is_held = true;
        }
    }
    return SESSION_DONE;
}

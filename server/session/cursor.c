/* SPDX-License-Identifier: Apache-2.0 */
#include "server/base/assert.h"
#include "server/session/cursor_private.h"
#include "server/session/plpgsql/plpgsql.h"
#include "server/session/utility.h"

/*
 * Cursors of SQL: DECLARE, FETCH, MOVE, CLOSE. A cursor that only goes forward runs its portal for
 * as many rows as are asked for. One that may go back keeps the rows it has read and gives them out
 * from there; one WITH HOLD reads and keeps all of them when its transaction commits. DECLARE takes
 * the snapshot (portal->view), so that what comes later is not seen, the transaction's own changes
 * included.
 *
 * Where neither SCROLL nor NO SCROLL was said, rows are kept if the plan is one that PostgreSQL can
 * run backward, and no longer than they fit into work_mem: after that they go, and the plan is run
 * once more, with the same view, should anybody want to go back.
 */

/* ------------------------------------------------------------------ DECLARE */

static ky_status
check_options(const struct ast_declare_cursor *declare, struct ky_error *err)
{
    if (declare->is_scroll && declare->is_no_scroll) {
        return ky_error_set(err, KY_INVALID_CURSOR_DEFINITION,
                            "cannot specify both SCROLL and NO SCROLL");
    }
    if (declare->is_insensitive && declare->is_asensitive) {
        return ky_error_set(err, KY_INVALID_CURSOR_DEFINITION,
                            "cannot specify both ASENSITIVE and INSENSITIVE");
    }
    return KY_OK;
}

/* "FOR SHARE" */
static const char *
lock_words(const struct ast_select *query)
{
    static const char *const words[] = {
        [AST_FOR_KEY_SHARE] = "FOR KEY SHARE",
        [AST_FOR_SHARE] = "FOR SHARE",
        [AST_FOR_NO_KEY_UPDATE] = "FOR NO KEY UPDATE",
        [AST_FOR_UPDATE] = "FOR UPDATE",
    };
    const struct ast_locking *first = (const void *)ast_list_get(query->locking, 0);
    return words[first->strength];
}

/* What the query may be. */
static ky_status
check_query(const struct ast_declare_cursor *declare, const struct query *query,
            struct ky_error *err)
{
    for (uint16_t i = 0; i < query->cte_count; i++) {
        const enum query_kind kind = query->ctes[i]->query->kind;
        if (kind == QUERY_INSERT || kind == QUERY_UPDATE || kind == QUERY_DELETE) {
            return ky_error_set(
                err, KY_FEATURE_NOT_SUPPORTED,
                "DECLARE CURSOR must not contain data-modifying statements in WITH");
        }
    }
    if (ast_list_count(declare->query->locking) == 0) {
        return KY_OK;
    }
    if (declare->is_with_hold) {
        (void)ky_error_set(err, KY_FEATURE_NOT_SUPPORTED,
                           "DECLARE CURSOR WITH HOLD ... %s is not supported",
                           lock_words(declare->query));
        return ky_error_detail(err, "Holdable cursors must be READ ONLY.");
    }
    if (declare->is_scroll) {
        (void)ky_error_set(err, KY_FEATURE_NOT_SUPPORTED,
                           "DECLARE SCROLL CURSOR ... %s is not supported",
                           lock_words(declare->query));
        return ky_error_detail(err, "Scrollable cursors must be READ ONLY.");
    }
    if (declare->is_insensitive) {
        (void)ky_error_set(err, KY_INVALID_CURSOR_DEFINITION,
                           "DECLARE INSENSITIVE CURSOR ... %s is not valid",
                           lock_words(declare->query));
        return ky_error_detail(err, "Insensitive cursors must be READ ONLY.");
    }
    return KY_OK;
}

static ky_status
check_place(const struct session *session, const struct ast_declare_cursor *declare,
            struct ky_error *err)
{
    if (declare->name[0] == '\0') {
        return ky_error_set(err, KY_INVALID_CURSOR_NAME, "invalid cursor name: must not be empty");
    }
    if (!session->is_block && session->program_depth == 0 && !declare->is_with_hold) {
        return ky_error_set(err, KY_NO_ACTIVE_SQL_TRANSACTION,
                            "DECLARE CURSOR can only be used in transaction blocks");
    }
    if (session_find_portal(session, declare->name) != NULL) {
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
    case PLAN_APPEND:
        for (uint16_t i = 0; i < plan->append.child_count; i++) {
            if (!goes_backward(plan->append.children[i])) {
                return false;
            }
        }
        return true;
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
    ky_arena_init(&portal->cursor->scratch);
    return portal->cursor;
}

void
cursor_free(struct portal *portal)
{
    if (portal->cursor != NULL) {
        store_deinit(&portal->cursor->rows);
        ky_arena_deinit(&portal->cursor->scratch);
        ky_free(portal->cursor);
        portal->cursor = NULL;
    }
}

bool
cursor_is_scrollable(const struct portal *portal)
{
    return portal->cursor != NULL && portal->cursor->is_scrollable;
}

bool
cursor_may_rewind(const struct portal *portal)
{
    return cursor_is_scrollable(portal) && !portal->cursor->keeps_rows;
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

/* The statement among those of its text. */
static const struct ast_declare_cursor *
find_declare(const struct ast_list *statements, const struct plan_source *outer)
{
    const ptrdiff_t offset = (const char *)outer->own_sql.data - (const char *)outer->sql.data;
    const struct ast_statement *found = (const void *)ast_list_get(statements, 0);
    for (int32_t i = 0; statements->count > 1 && i < statements->count; i++) {
        const struct ast_statement *one = (const void *)ast_list_get(statements, i);
        found = one->offset == offset ? one : found;
    }
    KY_ASSERT(found->statement->kind == AST_DECLARE_CURSOR);
    return (const void *)found->statement;
}

/* The query, parsed again so that its tree lives as long as the cursor; from the whole text, which
 * positions count in. */
static ky_status
prepare_query(struct session *session, const struct portal *outer, struct prepared **prepared_out,
              struct ky_error *err)
{
    struct prepared *prepared = prepared_new("", outer->source->sql, outer->param_count);
    struct plan_source *source = &prepared->source;
    if (outer->param_count > 0) {
        memcpy(source->param_types, outer->source->param_types, outer->param_count * sizeof(oid_t));
    }
    source->param_count = outer->param_count;
    struct ast_list statements = {0};
    ky_status status = parse_sql(&prepared->arena, source->sql, &statements, err);
    if (status == KY_OK) {
        source->tree = &find_declare(&statements, outer->source)->query->node;
        status = prepared_analyze(session, source, err);
    }
    if (status != KY_OK) {
        prepared_drop(prepared);
        return KY_ERR;
    }
    *prepared_out = prepared;
    return KY_OK;
}

/* The cursor, not yet begun. */
static ky_status
make_cursor(struct session *session, const struct portal *outer,
            const struct ast_declare_cursor *declare, struct portal **portal_out,
            struct ky_error *err)
{
    struct prepared *prepared = NULL;
    KY_TRY(check_options(declare, err));
    KY_TRY(prepare_query(session, outer, &prepared, err));
    if (check_query(declare, prepared->source.query, err) != KY_OK ||
        check_place(session, declare, err) != KY_OK) {
        prepared_drop(prepared);
        return KY_ERR;
    }
    struct portal *portal = portal_new(declare->name, session->clock_us);
    portal->prepared = prepared; /* the portal's only reference */
    portal->source = &prepared->source;
    portal->is_cursor = true;
    portal->is_with_hold = declare->is_with_hold;
    portal->savepoint_count = session->savepoint_count;
    portal->cursor_sql = ky_arena_cstr(&portal->arena, outer->source->sql);
    cursor_new(portal)->is_binary = declare->is_binary;
    take_params(portal, outer);
    *portal_out = portal;
    return KY_OK;
}

ky_status
cursor_declare(struct session *session, const struct portal *outer,
               const struct ast_declare_cursor *declare, enum utility_answer *answer_out,
               struct ky_error *err)
{
    if (session->owned_portal == NULL) {
        KY_TRY(make_cursor(session, outer, declare, &session->owned_portal, err));
    }
    struct portal *portal = session->owned_portal;
    const enum session_answer answer = portal_start(session, portal, session->sink, err);
    if (answer != SESSION_DONE) {
        *answer_out = UTILITY_PENDING;
        return answer == SESSION_ERROR ? KY_ERR : KY_OK;
    }
    struct cursor *cursor = portal->cursor;
    const bool is_backward_free = goes_backward(portal->source->plan->root);
    if (!declare->is_scroll || is_backward_free) { /* else PostgreSQL changes copies of the rows */
        cursor_note_origins(portal);
    }
    cursor->is_scroll = declare->is_scroll;
    cursor->is_scrollable = declare->is_scroll || (!declare->is_no_scroll && is_backward_free &&
                                                   ast_list_count(declare->query->locking) == 0);
    cursor->keeps_rows = cursor->is_scrollable;
    session->owned_portal = NULL;
    session->has_cursors = true;
    session_add_portal(session, portal);
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
        const uint32_t width = (uint32_t)count + cursor->origin_count;
        const struct type **kinds =
            ky_arena_array(&portal->arena, const struct type *, (size_t)width + 1);
        for (uint32_t i = 0; i < width; i++) {
            kinds[i] = i < count ? columns[i].type : type_get(OID_INT8);
        }
        store_init(&cursor->rows, kinds, width, &portal->budget);
        cursor->has_store = true;
    }
    if (keeper->status == KY_OK) {
        const struct batch whole = cursor_with_ids(portal, batch, count);
        keeper->status = store_append(&cursor->rows, &whole, keeper->err);
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

/* ------------------------------------------------------------------ DDL beside cursors */

static bool
reads_table(const struct portal *portal, oid_t table)
{
    const struct statement_plan *plan = portal->source->plan;
    const bool is_open = portal->exec != NULL ||
                         (portal->is_cursor && !cursor_is_held(portal) && !portal->is_broken);
    for (uint16_t i = 0; is_open && plan != NULL && i < plan->table_used_count; i++) {
        if (plan->tables[i]->oid == table) {
            return true;
        }
    }
    return false;
}

ky_status
cursor_check_table(const struct session *session, const struct cat_table *table,
                   const char *command, struct ky_error *err)
{
    size_t place = 0;
    const struct portal *portal;
    bool is_read = plpgsql_reads_table(session, table->oid);
    while (!is_read && (portal = session_next_portal(session, &place)) != NULL) {
        is_read = reads_table(portal, table->oid);
    }
    return is_read ? ky_error_set(err, KY_OBJECT_IN_USE,
                                  "cannot %s \"%s\" because it is being used by active queries in "
                                  "this session",
                                  command, table->name)
                   : KY_OK;
}

/* ------------------------------------------------------------------ CLOSE, COMMIT */

void
cursor_close_all(struct session *session)
{
    size_t place = 0;
    struct portal *portal;
    while ((portal = session_next_portal(session, &place)) != NULL) {
        if (portal->is_cursor) {
            session_remove_portal(session, portal);
            place = 0; /* the map moved */
        }
    }
}

void
cursor_release(struct session *session, size_t savepoint_count)
{
    size_t place = 0;
    struct portal *portal;
    while ((portal = session_next_portal(session, &place)) != NULL) {
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
    struct portal *portal = session_find_portal(session, close->cursor);
    if (portal == NULL) {
        return ky_error_set(err, KY_INVALID_CURSOR_NAME, "cursor \"%s\" does not exist",
                            close->cursor);
    }
    if (portal == session->executing) {
        return ky_error_set(err, KY_INVALID_CURSOR_STATE, "cannot drop active portal \"%s\"",
                            close->cursor);
    }
    session_remove_portal(session, portal);
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
cursor_hold(struct session *session, struct ky_error *err)
{
    size_t place = 0;
    struct portal *portal;
    while (session->has_cursors && (portal = session_next_portal(session, &place)) != NULL) {
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

enum session_answer
cursor_hold_portal(struct session *session, struct portal *portal, struct ky_error *err)
{
    if (portal->cursor == NULL) {
        (void)cursor_new(portal);
    }
    const enum session_answer answer = cursor_read_rows(session, portal, UINT64_MAX, err);
    portal->cursor->is_held = answer == SESSION_DONE;
    return answer;
}

const struct batch *
cursor_held_row(const struct portal *portal, uint64_t index, uint32_t *place_out)
{
    const struct cursor *cursor = portal->cursor;
    if (index >= cursor->rows.count) {
        return NULL;
    }
    *place_out = (uint32_t)(index % BATCH_SIZE_MAX);
    return store_chunk(&cursor->rows, (uint32_t)(index / BATCH_SIZE_MAX));
}

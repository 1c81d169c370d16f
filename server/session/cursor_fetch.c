/* SPDX-License-Identifier: Apache-2.0 */
#include "server/session/cursor_private.h"
#include "server/session/utility.h"

/* FETCH and MOVE: what a direction and a count mean for a cursor's place. */

/* Gives out rows from next_row on, left_rows of them, up or down. False: the sink is full. */
static bool
give_rows(struct session *session, struct portal *portal, bool is_down, struct result_sink *sink)
{
    struct cursor *cursor = portal->cursor;
    uint16_t places[BATCH_SIZE_MAX];
    while (cursor->left_rows > 0) {
        struct batch part =
            *store_chunk(&cursor->rows, (uint32_t)(cursor->next_row / BATCH_SIZE_MAX));
        const uint32_t place = (uint32_t)(cursor->next_row % BATCH_SIZE_MAX);
        const uint64_t room = is_down ? place + 1U : part.count - place;
        part.count = (uint32_t)KY_MIN(room, cursor->left_rows);
        part.selection = places;
        for (uint32_t i = 0; i < part.count; i++) {
            places[i] = (uint16_t)(is_down ? place - i : place + i);
        }
        cursor->left_rows -= part.count;
        cursor->next_row += is_down ? 0 - (uint64_t)part.count : part.count;
        session->types.arena = &session->arena;
        if (!sink->rows(sink, portal->columns, portal->column_count, &part, &session->types)) {
            return false;
        }
    }
    return true;
}

/* A FETCH made plain: rows first to last (from 1, both included; none when first is 0) in one
 * direction, and the place after it. */
struct move {
    uint64_t first, count;
    bool is_down;
    uint64_t position;
    bool is_after;
};

/* Where the cursor would go, as far as rows are counted in `known`. */
static struct move
plan_move(const struct cursor *cursor, const struct ast_fetch *fetch, uint64_t known)
{
    enum ast_fetch_direction direction = fetch->direction;
    int64_t count = fetch->count;
    const uint64_t place = cursor->is_after ? known + 1 : cursor->position;
    struct move move = {0};
    uint64_t goal = place; /* of ABSOLUTE and RELATIVE: one row */
    if ((direction == AST_FETCH_FORWARD || direction == AST_FETCH_BACKWARD) && count != 0) {
        bool is_down = (direction == AST_FETCH_BACKWARD) != (count < 0);
        const uint64_t wanted = count < 0 ? 0 - (uint64_t)count : (uint64_t)count;
        const uint64_t there =
            is_down ? (place == 0 ? 0 : place - 1) : known - KY_MIN(place, known);
        move.is_down = is_down;
        move.count = KY_MIN(wanted, there);
        move.first = is_down ? place - 1 : place + 1;
        if (is_down) {
            move.position = wanted > there ? 0 : place - wanted;
        } else {
            move.is_after = wanted > there;
            move.position = move.is_after ? known : place + wanted;
        }
        return move;
    }
    if (direction == AST_FETCH_ABSOLUTE) {
        const uint64_t back = 0 - (uint64_t)count;
        goal = count >= 0 ? (uint64_t)count : back > known ? 0 : known + 1 - back;
    } else if (direction == AST_FETCH_RELATIVE) {
        const uint64_t back = 0 - (uint64_t)count;
        goal = count >= 0 ? place + (uint64_t)count : back > place ? 0 : place - back;
    }
    move.is_after = goal > known;
    move.position = KY_MIN(goal, known);
    move.count = goal >= 1 && goal <= known;
    move.first = goal;
    return move;
}

/* Rows that must be known before a move can be planned. */
static uint64_t
rows_needed(const struct cursor *cursor, const struct ast_fetch *fetch)
{
    const uint64_t count = (uint64_t)fetch->count;
    switch (fetch->direction) {
    case AST_FETCH_FORWARD:
    case AST_FETCH_RELATIVE:
        return fetch->count <= 0 || cursor->is_after ? 0 : cursor->position + count;
    case AST_FETCH_BACKWARD:
        return fetch->count >= 0 || cursor->is_after ? 0 : cursor->position - count;
    case AST_FETCH_ABSOLUTE:
        break;
    }
    return fetch->count < 0 ? UINT64_MAX : count;
}

static ky_status
only_forward(struct ky_error *err)
{
    (void)ky_error_set(err, KY_OBJECT_NOT_IN_PREREQUISITE_STATE, "cursor can only scan forward");
    return ky_error_hint(err, "Declare it with SCROLL option to enable backward scan.");
}

/* For a cursor that keeps no rows: how many to pass over and how many to give out. */
static ky_status
forward_only_move(const struct cursor *cursor, const struct ast_fetch *fetch, uint64_t *skip_out,
                  uint64_t *count_out, bool *is_on_row_out, struct ky_error *err)
{
    const bool is_on_row = cursor->position > 0 && !cursor->is_after;
    const int64_t count = fetch->count;
    *skip_out = 0;
    *count_out = 0;
    *is_on_row_out = false;
    switch (fetch->direction) {
    case AST_FETCH_BACKWARD:
        if (count < 0) {
            *count_out = 0 - (uint64_t)count;
            return KY_OK;
        }
        return only_forward(err);
    case AST_FETCH_FORWARD:
        if (count < 0) {
            return only_forward(err);
        }
        *count_out = (uint64_t)count;
        break;
    case AST_FETCH_RELATIVE:
        if (count < 0) {
            return only_forward(err);
        }
        *skip_out = count == 0 ? 0 : (uint64_t)count - 1;
        *count_out = count > 0;
        break;
    case AST_FETCH_ABSOLUTE:
        if (count == 0 && cursor->position == 0 && !cursor->is_after) {
            return KY_OK;
        }
        if (count <= 0 || (uint64_t)count <= cursor->position + cursor->is_after) {
            return only_forward(err);
        }
        *skip_out = (uint64_t)count - cursor->position - 1;
        *count_out = 1;
        return KY_OK;
    }
    if (count == 0 && is_on_row) { /* the current row once more: MOVE only says that it is there */
        *is_on_row_out = true;
        return fetch->is_move ? KY_OK : only_forward(err);
    }
    return KY_OK;
}

/* Where MOVE's rows go. */
static bool
null_rows(struct result_sink *sink, const struct result_column *columns, uint16_t count,
          const struct batch *batch, const struct type_context *types)
{
    (void)sink;
    (void)columns;
    (void)count;
    (void)batch;
    (void)types;
    return true;
}

static void
set_tag(struct session *session, const struct ast_fetch *fetch, uint64_t count)
{
    (void)snprintf(session->tag, sizeof(session->tag), "%s %llu", fetch->is_move ? "MOVE" : "FETCH",
                   (unsigned long long)count);
}

/* Runs the portal until it has given out `target` rows in all, or ends. */
static enum session_answer
run_until(struct session *session, struct portal *portal, uint64_t target, struct result_sink *sink,
          struct ky_error *err)
{
    while (portal->row_count < target && portal->phase != PORTAL_DONE) {
        const uint64_t left = target - portal->row_count;
        const enum session_answer answer =
            portal_run(session, portal, left >= UINT32_MAX ? 0 : (uint32_t)left, sink, err);
        if (answer == SESSION_PENDING || answer == SESSION_ERROR) {
            return answer;
        }
    }
    return SESSION_DONE;
}

static enum session_answer
fetch_forward(struct session *session, struct portal *portal, const struct ast_fetch *fetch,
              struct result_sink *sink, struct ky_error *err)
{
    struct cursor *cursor = portal->cursor;
    struct result_sink nowhere = {.rows = null_rows};
    if (!session->is_fetching) {
        uint64_t skip;
        uint64_t count;
        bool is_on_row;
        if (forward_only_move(cursor, fetch, &skip, &count, &is_on_row, err) != KY_OK) {
            return SESSION_ERROR;
        }
        if (count == 0) {
            set_tag(session, fetch, is_on_row);
            return SESSION_DONE;
        }
        session->is_fetching = true;
        session->fetch_start = portal->row_count + skip;
        cursor->target =
            count > UINT64_MAX - session->fetch_start ? UINT64_MAX : session->fetch_start + count;
    }
    enum session_answer answer = run_until(session, portal, session->fetch_start, &nowhere, err);
    if (answer == SESSION_DONE) {
        answer = run_until(session, portal, cursor->target, fetch->is_move ? &nowhere : sink, err);
    }
    if (answer == SESSION_DONE) {
        cursor->position = portal->row_count;
        cursor->is_after = portal->row_count < cursor->target;
        set_tag(session, fetch,
                portal->row_count > session->fetch_start ? portal->row_count - session->fetch_start
                                                         : 0);
    }
    return answer;
}

static enum session_answer
fetch_kept(struct session *session, struct portal *portal, const struct ast_fetch *fetch,
           struct result_sink *sink, struct ky_error *err)
{
    struct cursor *cursor = portal->cursor;
    const bool is_down =
        (fetch->direction == AST_FETCH_BACKWARD) != (fetch->count < 0) &&
        (fetch->direction == AST_FETCH_BACKWARD || fetch->direction == AST_FETCH_FORWARD);
    if (!session->is_fetching) {
        const uint64_t needed = KY_MAX(rows_needed(cursor, fetch), cursor->position);
        const enum session_answer answer = cursor_read_rows(session, portal, needed, err);
        if (answer != SESSION_DONE) {
            return answer;
        }
        const struct move move = plan_move(cursor, fetch, cursor->rows.count);
        cursor->position = move.position;
        cursor->is_after = move.is_after;
        cursor->next_row = move.first - 1;
        cursor->left_rows = fetch->is_move ? 0 : move.count;
        set_tag(session, fetch, move.count);
        session->is_fetching = true;
    }
    return give_rows(session, portal, is_down, sink) ? SESSION_DONE
                                                     : session_sink_stopped(session, sink, err);
}

/* A cursor that only goes forward and has all rows. */
static enum session_answer
fetch_rest(struct session *session, struct portal *portal, const struct ast_fetch *fetch,
           struct result_sink *sink, struct ky_error *err)
{
    struct cursor *cursor = portal->cursor;
    if (!session->is_fetching) {
        uint64_t skip;
        uint64_t count;
        bool is_on_row;
        if (forward_only_move(cursor, fetch, &skip, &count, &is_on_row, err) != KY_OK) {
            return SESSION_ERROR;
        }
        const uint64_t left = cursor->dropped + cursor->rows.count - cursor->position;
        const uint64_t start = cursor->position + KY_MIN(skip, left);
        const uint64_t given = KY_MIN(count, left - KY_MIN(skip, left));
        cursor->is_after = cursor->is_after || given < count;
        cursor->position = start + given;
        cursor->next_row = start - cursor->dropped;
        cursor->left_rows = fetch->is_move ? 0 : given;
        set_tag(session, fetch, count == 0 ? is_on_row : given);
        session->is_fetching = true;
    }
    return give_rows(session, portal, false, sink) ? SESSION_DONE
                                                   : session_sink_stopped(session, sink, err);
}

/* Rows of a plan that may go back by itself are kept while they are cheap. */
static void
limit_rows(struct session *session, struct portal *portal)
{
    struct cursor *cursor = portal->cursor;
    const uint64_t limit = (uint64_t)settings_int(&session->settings, SETTING_WORK_MEM) * 1024;
    if (cursor->keeps_rows && !cursor->is_scroll && !cursor->is_held && !portal->is_with_hold &&
        cursor->rows.charged > limit && cursor->position == cursor->rows.count &&
        portal->phase != PORTAL_DONE) {
        store_deinit(&cursor->rows);
        cursor->rows = (struct store){0};
        cursor->has_store = cursor->keeps_rows = false;
    }
}

/* Back to rows that were not kept: they are read again, and kept from now on. */
static ky_status
rewind_if_back(struct session *session, struct portal *portal, const struct ast_fetch *fetch,
               struct ky_error *err)
{
    struct cursor *cursor = portal->cursor;
    struct ky_error unable;
    uint64_t skip;
    uint64_t count;
    bool is_on_row;
    ky_error_init(&unable);
    if (!cursor_may_rewind(portal) || session->is_fetching ||
        forward_only_move(cursor, fetch, &skip, &count, &is_on_row, &unable) == KY_OK) {
        return KY_OK;
    }
    cursor->keeps_rows = cursor->is_scroll = true;
    return portal_rewind(session, portal, err);
}

static void
send_columns(struct portal *portal, const struct portal *outer, const struct ast_fetch *fetch,
             struct result_sink *sink)
{
    static int16_t binary[] = {1};
    const bool is_binary = portal->cursor->is_binary && outer->result_format_count == 0;
    portal->columns = NULL;
    portal->result_formats = is_binary ? binary : outer->result_formats;
    portal->result_format_count = is_binary ? 1 : outer->result_format_count;
    portal_make_columns(portal);
    if (outer->wants_columns && !fetch->is_move) {
        sink->columns(sink, portal->columns, portal->column_count);
    }
}

ky_status
cursor_fetch(struct session *session, struct portal *outer, const struct ast_fetch *fetch,
             struct result_sink *sink, enum utility_answer *answer_out, struct ky_error *err)
{
    struct portal *portal = session_find_portal(session, fetch->cursor);
    if (portal == NULL) {
        return ky_error_set(err, KY_INVALID_CURSOR_NAME, "cursor \"%s\" does not exist",
                            fetch->cursor);
    }
    if (portal->cursor == NULL) {
        cursor_new(portal)->position = portal->row_count; /* a portal of the extended protocol */
    }
    if (portal->is_broken) {
        return ky_error_set(err, KY_OBJECT_NOT_IN_PREREQUISITE_STATE, "portal \"%s\" cannot be run",
                            portal->name);
    }
    if (session->fetch_portal == NULL) {
        if (portal->phase == PORTAL_NEW) { /* a portal of the extended protocol */
            KY_TRY(source_plan(session, portal->source, err));
        }
        send_columns(portal, outer, fetch, sink);
        session->fetch_portal = portal;
    }
    KY_TRY(rewind_if_back(session, portal, fetch, err));
    const enum session_answer answer =
        portal->cursor->keeps_rows ? fetch_kept(session, portal, fetch, sink, err)
        : portal->cursor->has_all  ? fetch_rest(session, portal, fetch, sink, err)
                                   : fetch_forward(session, portal, fetch, sink, err);
    if (answer == SESSION_PENDING) {
        *answer_out = UTILITY_PENDING;
        return KY_OK;
    }
    if (answer == SESSION_ERROR) {
        return KY_ERR; /* end_all breaks the cursor */
    }
    session->fetch_portal = NULL;
    session->is_fetching = false;
    limit_rows(session, portal);
    return KY_OK;
}

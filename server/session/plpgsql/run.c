/* SPDX-License-Identifier: Apache-2.0 */
#include "server/base/assert.h"
#include "server/base/clock.h"
#include "server/session/after.h"
#include "server/session/plpgsql/plpgsql_private.h"
#include "server/types/array.h"

/*
 * The interpreter: an instruction, the next. Everything is in struct plpgsql_run, nothing on the C
 * stack, so an instruction that has to wait answers PENDING and is entered again. Inside, the
 * session's fields about the statement that runs belong to the inner one; enter() and leave() swap.
 */

/* ------------------------------------------------------------------ life */

static void
deinit_frame(struct plpgsql_run *run, struct plpgsql_frame *frame)
{
    switch (frame->kind) {
    case FRAME_ERROR:
        ky_free(frame->error);
        break;
    case FRAME_QUERY:
        portal_free(run->session, frame->portal);
        plpgsql_rows_deinit(&frame->rows);
        if (frame->is_dynamic) {
            plpgsql_piece_free(frame->piece);
        }
        break;
    case FRAME_ARRAY:
        plpgsql_value_free(&frame->array);
        break;
    case FRAME_TRY:
    case FRAME_INTEGER:
        break;
    }
}

struct plpgsql_frame *
plpgsql_push_frame(struct plpgsql_run *run, enum plpgsql_frame_kind kind,
                   const struct plpgsql_op *op)
{
    if (run->frame_count == run->frame_capacity) {
        run->frame_capacity = KY_MAX(run->frame_capacity * 2, (size_t)8);
        run->frames = ky_realloc(run->frames, run->frame_capacity * sizeof(*run->frames));
    }
    struct plpgsql_frame *frame = &run->frames[run->frame_count++];
    *frame = (struct plpgsql_frame){.kind = kind, .op = op, .value_count = run->value_count};
    return frame;
}

static void
run_free(struct plpgsql_run *run)
{
    while (run->frame_count > 0) {
        deinit_frame(run, &run->frames[--run->frame_count]);
    }
    for (int32_t i = 0; i < run->piece_count; i++) {
        plpgsql_piece_free(run->pieces[i]);
    }
    for (int32_t i = 0; run->slots != NULL && i < run->program.variable_count; i++) {
        plpgsql_slot_free(&run->slots[i]);
    }
    for (size_t i = 0; i < run->value_capacity; i++) {
        plpgsql_value_free(&run->values[i]);
    }
    plpgsql_forget_image(run);
    plpgsql_rows_deinit(&run->rows);
    ky_arena_deinit(&run->scratch);
    ky_arena_deinit(&run->arena);
    ky_free(run->pieces);
    ky_free(run->slots);
    ky_free(run->values);
    ky_free(run->frames);
    ky_free(run->code);
    ky_free(run);
}

static void
enter(struct plpgsql_run *run)
{
    struct session *session = run->session;
    KY_ASSERT(!run->is_entered && session->running == NULL && session->owned_portal == NULL);
    run->is_entered = true;
    run->client = session->sink;
    session->sink = &run->capture.sink;
    session->running = run->running;
    session->owned_portal = run->owned_portal;
    session->copy = run->copy;
    session->left_rows = run->left_rows;
}

static void
leave(struct plpgsql_run *run)
{
    struct session *session = run->session;
    run->is_entered = false;
    run->running = session->running;
    run->owned_portal = session->owned_portal;
    run->copy = session->copy;
    run->left_rows = session->left_rows;
    session->sink = run->client;
    session->running = NULL;
    session->owned_portal = NULL;
    session->copy = NULL;
    session->left_rows = 0;
}

/* Ends it, wherever it is. */
static void
finish(struct portal *portal)
{
    struct plpgsql_run *run = portal->program;
    struct session *session = run->session;
    plpgsql_stop_inner(run);
    while (run->frame_count > 0) {
        deinit_frame(run, &run->frames[--run->frame_count]);
    }
    if (session->savepoint_count > run->savepoint_base) {
        session->savepoint_count = run->savepoint_base;
    }
    leave(run);
    KY_ASSERT(session->program == run);
    session->program = run->outer;
    session->program_depth--;
    portal->program = NULL;
    run_free(run);
}

bool
plpgsql_is_inside(const struct portal *portal)
{
    return portal->program != NULL && portal->program->is_entered;
}

void
plpgsql_end(struct session *session, struct portal *portal)
{
    struct plpgsql_run *run = portal->program;
    if (run == NULL) {
        return;
    }
    /* Others may have used the session's fields since it answered PENDING. */
    struct result_sink *sink = session->sink;
    struct portal *running = session->running;
    struct portal *owned = session->owned_portal;
    struct copy *copy = session->copy;
    session->running = session->owned_portal = NULL;
    session->copy = NULL;
    enter(run);
    finish(portal);
    session->sink = sink;
    session->running = running;
    session->owned_portal = owned;
    session->copy = copy;
}

/* ------------------------------------------------------------------ frames */

static void
pop_frame(struct plpgsql_run *run)
{
    struct plpgsql_frame *frame = &run->frames[--run->frame_count];
    if (frame->kind == FRAME_TRY) {
        transaction_mark_release(run->session, frame->savepoint);
    }
    deinit_frame(run, frame);
}

static struct plpgsql_frame *
top_frame(struct plpgsql_run *run)
{
    KY_ASSERT(run->frame_count > 0);
    return &run->frames[run->frame_count - 1];
}

/* ------------------------------------------------------------------ errors */

void
plpgsql_line_context(const struct plpgsql_op *op, struct ky_error *err)
{
    if (op->what == NULL) {
        plpgsql_add_context(err,
                            "PL/pgSQL function inline_code_block line %d during statement block "
                            "local variable initialization",
                            op->line);
    } else {
        plpgsql_add_context(err, "PL/pgSQL function inline_code_block line %d at %s", op->line,
                            op->what);
    }
}

/* What ends the session, or the transaction for sure, no handler sees. */
static bool
may_catch(const struct ky_error *err)
{
    return err->sqlstate != KY_ADMIN_SHUTDOWN;
}

static void
start_handler(struct plpgsql_run *run, const struct plpgsql_op *try_op, int32_t place,
              const struct ky_error *err)
{
    const struct plpgsql_block *block = try_op->node;
    struct plpgsql_frame *frame = plpgsql_push_frame(run, FRAME_ERROR, try_op);
    const struct type *text = type_get(OID_TEXT);
    frame->error = ky_malloc(sizeof(*frame->error));
    *frame->error = *err;
    plpgsql_value_set(&run->slots[block->sqlstate].value, text, datum_cstr(ky_error_code(err)));
    plpgsql_value_set(&run->slots[block->sqlerrm].value, text, datum_cstr(err->message));
    run->at = try_op->handler_places[place];
}

/* Frames go until one catches it. False: none did. */
static bool
catch_error(struct plpgsql_run *run, struct ky_error *err)
{
    plpgsql_stop_inner(run);
    while (run->frame_count > 0) {
        struct plpgsql_frame frame = run->frames[--run->frame_count];
        run->value_count = frame.value_count;
        deinit_frame(run, &frame);
        if (frame.kind != FRAME_TRY) {
            continue;
        }
        transaction_mark_rollback(run->session, frame.savepoint);
        plpgsql_forget_image(run);
        session_apply_settings(run->session);
        int32_t place = 0;
        const struct plpgsql_block *block = frame.op->node;
        for (const struct plpgsql_handler *at = block->handlers; at != NULL && may_catch(err);
             at = at->next, place++) {
            if (plpgsql_matches(at->conditions, err)) {
                start_handler(run, frame.op, place, err);
                ky_error_init(err);
                return true;
            }
        }
    }
    return false;
}

/* ------------------------------------------------------------------ instructions */

static ky_status
assign(struct plpgsql_run *run, const struct plpgsql_op *op, struct ky_error *err)
{
    const struct plpgsql_assign *node = op->node;
    if (node->target.subscript != NULL) {
        struct datum subscript;
        const struct plpgsql_value *at = plpgsql_pop(run);
        KY_TRY(plpgsql_convert(run, at->type, at->datum, type_get(OID_INT4), -1, &subscript, err));
        const struct plpgsql_value *value = plpgsql_pop(run);
        return plpgsql_assign_element(run, &node->target, value->type, value->datum, subscript,
                                      err);
    }
    const struct plpgsql_value *value = plpgsql_pop(run);
    return plpgsql_assign_target(run, &node->target, value->type, value->datum, err);
}

static ky_status
pop_boolean(struct plpgsql_run *run, bool *out, struct ky_error *err)
{
    struct datum value;
    const struct plpgsql_value *top = plpgsql_pop(run);
    KY_TRY(plpgsql_convert(run, top->type, top->datum, type_get(OID_BOOL), -1, &value, err));
    *out = !value.is_null && value.word != 0;
    return KY_OK;
}

static ky_status
begin_try(struct plpgsql_run *run, const struct plpgsql_op *op, struct ky_error *err)
{
    size_t savepoint;
    KY_TRY(transaction_mark(run->session, &savepoint, err));
    plpgsql_push_frame(run, FRAME_TRY, op)->savepoint = savepoint;
    return KY_OK;
}

static ky_status
pop_bound(struct plpgsql_run *run, const char *which, int64_t *out, struct ky_error *err)
{
    struct datum value;
    const struct plpgsql_value *top = plpgsql_pop(run);
    KY_TRY(plpgsql_convert(run, top->type, top->datum, type_get(OID_INT4), -1, &value, err));
    *out = value.word;
    return value.is_null ? ky_error_set(err, KY_NULL_VALUE_NOT_ALLOWED,
                                        "%s of FOR loop cannot be null", which)
                         : KY_OK;
}

static ky_status
begin_integers(struct plpgsql_run *run, const struct plpgsql_op *op, struct ky_error *err)
{
    const struct plpgsql_loop *loop = op->node;
    int64_t from;
    int64_t to;
    int64_t step = 1;
    if (loop->step != NULL) {
        KY_TRY(pop_bound(run, "BY value", &step, err));
        if (step <= 0) {
            return ky_error_set(err, KY_INVALID_PARAMETER_VALUE,
                                "BY value of FOR loop must be greater than zero");
        }
    }
    KY_TRY(pop_bound(run, "upper bound", &to, err));
    KY_TRY(pop_bound(run, "lower bound", &from, err));
    struct plpgsql_frame *frame = plpgsql_push_frame(run, FRAME_INTEGER, op);
    frame->at = from;
    frame->to = to;
    frame->step = loop->is_reverse ? -step : step;
    frame->is_first = true;
    return KY_OK;
}

/* FOUND says, after a loop, whether it went round. */
static void
end_loop(struct plpgsql_run *run, const struct plpgsql_op *op)
{
    plpgsql_set_found(run, !top_frame(run)->is_first);
    pop_frame(run);
    run->at = op->to;
}

static void
next_integer(struct plpgsql_run *run, const struct plpgsql_op *op)
{
    struct plpgsql_frame *frame = top_frame(run);
    const struct plpgsql_loop *loop = op->node;
    if (frame->step > 0 ? frame->at > frame->to : frame->at < frame->to) {
        end_loop(run, op);
        return;
    }
    run->slots[loop->counter].value.datum = datum_word(frame->at);
    frame->at += frame->step;
    frame->is_first = false;
}

static enum step
next_row(struct plpgsql_run *run, const struct plpgsql_op *op, struct ky_error *err)
{
    bool is_end;
    const enum step step = plpgsql_next_row(run, top_frame(run), &is_end, err);
    if (step != STEP_DONE) {
        return step;
    }
    top_frame(run)->is_first = !top_frame(run)->has_found;
    if (is_end) {
        end_loop(run, op);
    }
    return STEP_DONE;
}

static ky_status
begin_elements(struct plpgsql_run *run, const struct plpgsql_op *op, struct ky_error *err)
{
    struct array_view view;
    const struct plpgsql_value *array = plpgsql_pop(run);
    if (array->datum.is_null) {
        return ky_error_set(err, KY_NULL_VALUE_NOT_ALLOWED, "FOREACH expression must not be null");
    }
    if (array->type->element_oid == OID_NONE) {
        return ky_error_set(err, KY_DATATYPE_MISMATCH,
                            "FOREACH expression must yield an array, not type %s",
                            array->type->sql_name);
    }
    struct plpgsql_frame *frame = plpgsql_push_frame(run, FRAME_ARRAY, op);
    plpgsql_value_set(&frame->array, array->type, array->datum);
    array_open(frame->array.datum.bytes, &view);
    frame->to = view.count;
    frame->step = 0; /* bytes from the array's first element */
    frame->is_first = true;
    return KY_OK;
}

static ky_status
next_element(struct plpgsql_run *run, const struct plpgsql_op *op, struct ky_error *err)
{
    struct plpgsql_frame *frame = top_frame(run);
    const struct plpgsql_loop *loop = op->node;
    struct array_view view;
    if (frame->at == frame->to) {
        end_loop(run, op);
        return KY_OK;
    }
    array_open(frame->array.datum.bytes, &view);
    const uint8_t *cursor = view.first + frame->step;
    const struct datum element = array_next(&view, &cursor);
    frame->step = cursor - view.first;
    frame->at++;
    frame->is_first = false;
    return plpgsql_assign_target(run, &loop->target, view.element, element, err);
}

static ky_status
raise_again(const struct plpgsql_run *run, struct ky_error *err)
{
    const struct ky_error *handled = plpgsql_handled(run);
    if (handled == NULL) {
        return ky_error_set(err, KY_STACKED_DIAGNOSTICS_ACCESSED_WITHOUT_ACTIVE_HANDLER,
                            "RAISE without parameters cannot be used outside an exception handler");
    }
    *err = *handled;
    return KY_ERR;
}

static ky_status
assert_failed(struct plpgsql_run *run, const struct plpgsql_op *op, struct ky_error *err)
{
    const struct plpgsql_assert *node = op->node;
    if (node->message != NULL) {
        const struct plpgsql_value *text = plpgsql_pop(run);
        if (!text->datum.is_null) {
            const struct ky_slice message = plpgsql_text_of(run, text->type, text->datum);
            return ky_error_set(err, KY_ASSERT_FAILURE, "%.*s", (int)message.size,
                                (const char *)message.data);
        }
    }
    return ky_error_set(err, KY_ASSERT_FAILURE, "assertion failed");
}

static enum step
step_of_status(ky_status status)
{
    return status == KY_OK ? STEP_DONE : STEP_ERROR;
}

static enum step
jump_if_false(struct plpgsql_run *run, const struct plpgsql_op *op, struct ky_error *err)
{
    bool is_true;
    if (pop_boolean(run, &is_true, err) != KY_OK) {
        return STEP_ERROR;
    }
    if (op->code == OP_CHECK_ASSERT ? is_true : !is_true) {
        run->at = op->to;
    }
    return STEP_DONE;
}

/* run->at is past the instruction; one that waits is entered again. */
static enum step
execute(struct plpgsql_run *run, const struct plpgsql_op *op, struct ky_error *err)
{
    switch (op->code) {
    case OP_EVAL:
        return plpgsql_eval(run, op, err);
    case OP_ASSIGN:
        if (assign(run, op, err) != KY_OK) {
            if (err->sqlstate != KY_NULL_VALUE_NOT_ALLOWED) {
                (void)plpgsql_show_piece(op->piece, err);
            }
            return STEP_ERROR;
        }
        return STEP_DONE;
    case OP_INIT: {
        const struct plpgsql_target target = {.variable = op->variable};
        const struct plpgsql_value *value = plpgsql_pop(run);
        return step_of_status(plpgsql_assign_target(run, &target, value->type, value->datum, err));
    }
    case OP_RESET:
        return step_of_status(plpgsql_reset(run, op->variable, err));
    case OP_SQL:
        return plpgsql_sql(run, op, err);
    case OP_DYNAMIC:
        return plpgsql_dynamic(run, op, err);
    case OP_JUMP:
        while (run->frame_count > (size_t)op->depth) {
            pop_frame(run);
        }
        run->at = op->to;
        return STEP_DONE;
    case OP_JUMP_IF_FALSE:
    case OP_CHECK_ASSERT:
        return jump_if_false(run, op, err);
    case OP_TRY:
        return step_of_status(begin_try(run, op, err));
    case OP_LEAVE:
        pop_frame(run);
        return STEP_DONE;
    case OP_CASE_NOT_FOUND:
        (void)ky_error_set(err, KY_CASE_NOT_FOUND, "case not found");
        (void)ky_error_hint(err, "CASE statement is missing ELSE part.");
        return STEP_ERROR;
    case OP_FOR_INTEGER:
        return step_of_status(begin_integers(run, op, err));
    case OP_NEXT_INTEGER:
        next_integer(run, op);
        return STEP_DONE;
    case OP_FOR_QUERY:
    case OP_FOR_DYNAMIC:
        return plpgsql_for_query(run, op, err);
    case OP_NEXT_ROW:
        return next_row(run, op, err);
    case OP_FOREACH:
        return step_of_status(begin_elements(run, op, err));
    case OP_NEXT_ELEMENT:
        return step_of_status(next_element(run, op, err));
    case OP_RAISE:
        return step_of_status(plpgsql_raise(run, op, err));
    case OP_RAISE_AGAIN:
        return step_of_status(raise_again(run, err));
    case OP_ASSERT_FAILED:
        return step_of_status(assert_failed(run, op, err));
    case OP_DIAGNOSTICS:
        return step_of_status(plpgsql_diagnostics(run, op, err));
    case OP_TRANSACTION:
        return plpgsql_end_transaction(run, op, err);
    case OP_RETURN:
        return STEP_COMMIT; /* the end */
    }
    KY_UNREACHABLE();
}

/* ------------------------------------------------------------------ the loop */

/* A DO inside looks by itself, so that its handlers come first. A commit that is under way cannot
 * be cancelled. */
static bool
is_cancelled(const struct plpgsql_run *run)
{
    return session_is_cancelled(run->session) && !run->is_ending &&
           (run->inner == NULL || run->inner->program == NULL);
}

static ky_status
check_cancel(struct plpgsql_run *run, const struct plpgsql_op *op, struct ky_error *err)
{
    if (!is_cancelled(run)) {
        return KY_OK;
    }
    (void)ky_error_set(err, KY_QUERY_CANCELED, "canceling statement due to user request");
    session_cancel_error(run->session, err);
    const struct plpgsql_piece *piece = run->dynamic != NULL ? run->dynamic : op->piece;
    return run->inner != NULL && piece != NULL ? plpgsql_show_piece(piece, err) : KY_ERR;
}

/* Runs until the end (STEP_DONE), something to wait for, or an error that nobody catches. */
static enum step
run_program(struct plpgsql_run *run, struct ky_error *err)
{
    for (;;) {
        const int32_t at = run->at;
        const struct plpgsql_op *op = &run->code[at];
        enum step step = step_of_status(check_cancel(run, op, err));
        if (step == STEP_DONE && ++run->checked >= PLPGSQL_CHECK_EVERY) {
            run->checked = 0;
            if (ky_monotonic_ns() > session_turn_end_ns(run->session)) {
                (void)session_yield_turn(run->session);
                return STEP_PENDING;
            }
        }
        if (step == STEP_DONE) {
            run->at++;
            step = execute(run, op, err);
        }
        if (step == STEP_COMMIT) {
            return STEP_DONE;
        }
        if (step == STEP_PENDING) {
            run->at = at;
            return STEP_PENDING;
        }
        if (run->inner == NULL) {
            ky_arena_reset(&run->scratch);
        }
        if (step == STEP_ERROR) {
            if (err->sqlstate == KY_QUERY_CANCELED) {
                const struct ky_error inside = *err;
                session_cancel_error(run->session, err); /* says why */
                memcpy(err->context, inside.context, sizeof(err->context));
            }
            if (op->code != OP_RAISE_AGAIN || plpgsql_handled(run) == NULL) {
                plpgsql_line_context(op, err);
            }
            if (!catch_error(run, err)) {
                return STEP_ERROR;
            }
        }
    }
}

/* ------------------------------------------------------------------ DO */

/* Positions in the body become those in the client's statement, where it stands there as it is. */
static void
move_position(const struct portal *portal, const struct ast_do *statement, struct ky_error *err)
{
    if (err->position == 0) {
        return;
    }
    if (statement->body_offset >= 0) {
        err->position += parser_position(portal->source->sql, statement->body_offset) - 1;
        return;
    }
    err->inner_position = err->position;
    err->position = 0;
    (void)snprintf(err->inner_query, sizeof(err->inner_query), "%s", statement->body);
}

static ky_status
run_new(struct session *session, struct portal *portal, const struct ast_do *statement,
        struct ky_error *err)
{
    enum { VALUES_AT_FIRST = 8 };
    if (statement->language != NULL && strcmp(statement->language, "plpgsql") != 0) {
        const char *language = statement->language;
        return strcmp(language, "sql") == 0 || strcmp(language, "c") == 0 ||
                       strcmp(language, "internal") == 0
                   ? ky_error_set(err, KY_FEATURE_NOT_SUPPORTED,
                                  "language \"%s\" does not support inline code execution",
                                  language)
                   : ky_error_set(err, KY_UNDEFINED_OBJECT, "language \"%s\" does not exist",
                                  language);
    }
    if (session->program_depth == PLPGSQL_RUNS_MAX) {
        (void)ky_error_set(err, KY_STATEMENT_TOO_COMPLEX, "stack depth limit exceeded");
        return ky_error_hint(err, "DO blocks are nested too deeply.");
    }
    struct plpgsql_run *run = ky_calloc(1, sizeof(*run));
    run->session = session;
    ky_arena_init(&run->arena);
    ky_arena_init(&run->scratch);
    ky_arena_init(&run->rows.arena);
    plpgsql_sink_init(run);
    run->value_capacity = VALUES_AT_FIRST;
    run->values = ky_calloc(run->value_capacity, sizeof(*run->values));
    run->savepoint_base = session->savepoint_count;
    if (parse_plpgsql(&run->arena, ky_slice_cstr(statement->body), &run->program, err) != KY_OK ||
        plpgsql_compile(run, err) != KY_OK) {
        move_position(portal, statement, err);
        run_free(run);
        return KY_ERR;
    }
    portal->program = run;
    session->has_queried = true; /* SET TRANSACTION ISOLATION LEVEL comes too late */
    run->outer = session->program;
    session->program = run;
    session->program_depth++;
    return KY_OK;
}

ky_status
plpgsql_do(struct session *session, struct portal *portal, const struct ast_do *statement,
           bool *is_pending_out, struct ky_error *err)
{
    *is_pending_out = false;
    if (portal->program == NULL) {
        KY_TRY(run_new(session, portal, statement, err));
    }
    enter(portal->program);
    const enum step step = run_program(portal->program, err);
    if (step == STEP_PENDING) {
        leave(portal->program);
        *is_pending_out = true;
        return KY_OK;
    }
    finish(portal);
    strcpy(session->tag, "DO");
    return step == STEP_DONE ? KY_OK : KY_ERR;
}

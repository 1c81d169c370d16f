/* SPDX-License-Identifier: Apache-2.0 */
#include "server/base/assert.h"
#include "server/session/plpgsql/plpgsql_private.h"

/*
 * From the tree to instructions. Expressions are instructions of their own that leave a value on
 * the stack, as any of them may have to wait. Loops and blocks with handlers push a frame; a jump
 * says how many frames stay.
 *
 *     WHILE c LOOP body END LOOP       again: EVAL c; JUMP_IF_FALSE end; body; JUMP again; end:
 *     BEGIN body EXCEPTION WHEN x ..   TRY; body; LEAVE; JUMP end; x: handler; LEAVE; JUMP end;
 * end:
 */

/* What EXIT and CONTINUE can name, from the inside out. */
struct exit_target {
    struct exit_target *outer;
    const struct plpgsql_name *name;
    int32_t depth;      /* of frames after EXIT */
    int32_t loop_depth; /* of frames inside the loop, for CONTINUE */
    int32_t *exits;     /* jumps to be told where the end is */
    int32_t exit_count, exit_capacity;
    int32_t *continues;
    int32_t continue_count, continue_capacity;
};

struct compiler {
    struct plpgsql_run *run;
    struct bind_context bind;
    struct func_env env;
    struct cat_image *image;
    struct exit_target *targets;
    int32_t depth;
    struct ky_error *err;
};

static ky_status compile_body(struct compiler *c, const struct plpgsql_body *body);

/* ------------------------------------------------------------------ instructions */

static struct plpgsql_op *
emit(struct compiler *c, enum plpgsql_code code, const struct plpgsql_statement *node,
     const char *what)
{
    struct plpgsql_run *run = c->run;
    if (run->code_count == run->code_capacity) {
        run->code_capacity = KY_MAX(run->code_capacity * 2, 32);
        run->code = ky_realloc(run->code, (size_t)run->code_capacity * sizeof(*run->code));
    }
    struct plpgsql_op *op = &run->code[run->code_count++];
    *op = (struct plpgsql_op){
        .code = code, .line = node == NULL ? 0 : node->line, .what = what, .node = node, .to = -1};
    return op;
}

static struct plpgsql_piece *
new_piece(struct compiler *c, const struct plpgsql_sql *sql, const char *what)
{
    struct plpgsql_run *run = c->run;
    if (run->piece_count == run->piece_capacity) {
        run->piece_capacity = KY_MAX(run->piece_capacity * 2, 16);
        run->pieces =
            ky_realloc(run->pieces, (size_t)run->piece_capacity * sizeof(struct plpgsql_piece *));
    }
    struct plpgsql_piece *piece = plpgsql_piece_new(run, sql, what);
    run->pieces[run->piece_count++] = piece;
    return piece;
}

static void
emit_eval(struct compiler *c, const struct plpgsql_sql *sql, const struct plpgsql_statement *node,
          const char *what)
{
    struct plpgsql_piece *piece = new_piece(c, sql, what);
    emit(c, OP_EVAL, node, what)->piece = piece;
}

static int32_t
emit_jump(struct compiler *c, enum plpgsql_code code, const struct plpgsql_statement *node,
          const char *what)
{
    struct plpgsql_op *op = emit(c, code, node, what);
    op->depth = c->depth;
    return c->run->code_count - 1;
}

static void
land(struct compiler *c, int32_t jump)
{
    c->run->code[jump].to = c->run->code_count;
}

static void
jump_back(struct compiler *c, const struct plpgsql_loop *loop, const char *what, int32_t to)
{
    const int32_t jump = emit_jump(c, OP_JUMP, &loop->node, what);
    c->run->code[jump].to = to;
}

static void
note_jump(struct ky_arena *arena, int32_t **list, int32_t *count, int32_t *capacity, int32_t jump)
{
    if (*count == *capacity) {
        *capacity = KY_MAX(*capacity * 2, 8);
        int32_t *more = ky_arena_array(arena, int32_t, (size_t)*capacity);
        if (*count > 0) {
            memcpy(more, *list, (size_t)*count * sizeof(int32_t));
        }
        *list = more;
    }
    (*list)[(*count)++] = jump;
}

static void
enter_target(struct compiler *c, struct exit_target *target, const struct plpgsql_name *name)
{
    *target = (struct exit_target){.outer = c->targets, .name = name, .depth = c->depth};
    c->targets = target;
}

static void
land_continues(struct compiler *c, const struct exit_target *target)
{
    for (int32_t i = 0; i < target->continue_count; i++) {
        land(c, target->continues[i]);
    }
}

static void
leave_target(struct compiler *c, const struct exit_target *target)
{
    for (int32_t i = 0; i < target->exit_count; i++) {
        land(c, target->exits[i]);
    }
    c->targets = target->outer;
}

/* ------------------------------------------------------------------ variables */

static ky_status
find_table(struct compiler *c, const char *const *names, const struct cat_table **out)
{
    struct ast_range_var name = {.node = {.kind = AST_RANGE_VAR, .location = -1},
                                 .schema = (char *)(uintptr_t)names[0],
                                 .name = (char *)(uintptr_t)names[1]};
    struct cat_table *table;
    KY_TRY(bind_relation(&c->bind, &name, false, &table, c->err));
    *out = table;
    return KY_OK;
}

static void
make_row(struct plpgsql_slot *slot, const struct cat_table *table)
{
    slot->is_record = slot->is_fixed = slot->is_known = true;
    slot->fields = ky_calloc(table->column_count + 1U, sizeof(*slot->fields));
    for (uint16_t i = 0; i < table->column_count; i++) {
        const struct cat_column *column = &table->columns[i];
        if (!column->is_dropped) {
            slot->fields[slot->field_count++] = (struct plpgsql_field){
                ky_strdup(column->name),
                {.type = column->type, .typmod = column->typmod, .datum = datum_null()}};
        }
    }
}

static ky_status
make_array(struct compiler *c, struct plpgsql_slot *slot)
{
    const struct type *type = slot->value.type;
    if (type->array_oid == OID_NONE) {
        return ky_error_set(c->err, KY_UNDEFINED_OBJECT,
                            "could not find array type for data type %s", type->sql_name);
    }
    slot->value.type = type_get(type->array_oid);
    return KY_OK;
}

static ky_status
type_of_column(struct compiler *c, const struct plpgsql_variable *variable,
               struct plpgsql_slot *slot)
{
    const struct cat_table *table = NULL;
    (void)find_table(c, variable->names, &table);
    for (uint16_t i = 0; table != NULL && i < table->column_count; i++) {
        const struct cat_column *column = &table->columns[i];
        if (!column->is_dropped && strcmp(column->name, variable->names[2]) == 0) {
            slot->value.type = column->type;
            slot->value.typmod = column->typmod;
            return KY_OK;
        }
    }
    return ky_error_set(c->err, KY_SYNTAX_ERROR, "syntax error at or near \"%%\"");
}

static ky_status
type_of_variable(struct compiler *c, const struct plpgsql_variable *variable,
                 struct plpgsql_slot *slot)
{
    const struct plpgsql_slot *like = &c->run->slots[variable->like];
    if (like->is_record) {
        return ky_error_set(c->err, KY_FEATURE_NOT_SUPPORTED,
                            "%%TYPE of a record is not supported");
    }
    slot->value.type = like->value.type;
    slot->value.typmod = like->value.typmod;
    return KY_OK;
}

/* A table's name is the name of its row type, too. */
static ky_status
written_type(struct compiler *c, const struct plpgsql_variable *variable, struct plpgsql_slot *slot)
{
    oid_t oid;
    if (bind_type_name(&c->bind, variable->type, &oid, &slot->value.typmod, c->err) == KY_OK) {
        if (c->bind.found_domain != NULL) {
            return ky_error_set(c->err, KY_FEATURE_NOT_SUPPORTED,
                                "variables of domains are not supported yet");
        }
        slot->value.type = type_get(oid);
        return slot->value.type->typtype != 'p'
                   ? KY_OK
                   : ky_error_set(c->err, KY_FEATURE_NOT_SUPPORTED,
                                  "variable \"%s\" has pseudo-type %s", variable->name,
                                  slot->value.type->name);
    }
    const int32_t count = ast_list_count(variable->type->names);
    if (c->err->sqlstate == KY_UNDEFINED_OBJECT && count <= 2 && count > 0) {
        const char *names[] = {count == 2 ? ast_list_text(variable->type->names, 0) : NULL,
                               ast_name_last(variable->type->names)};
        const struct ky_error unknown = *c->err;
        const struct cat_table *table;
        if (find_table(c, names, &table) == KY_OK) {
            ky_error_init(c->err);
            make_row(slot, table);
            return KY_OK;
        }
        *c->err = unknown;
    }
    return KY_ERR;
}

static ky_status
resolve_type(struct compiler *c, const struct plpgsql_variable *variable, struct plpgsql_slot *slot)
{
    const struct cat_table *table;
    switch (variable->kind) {
    case PLPGSQL_SCALAR:
        return written_type(c, variable, slot);
    case PLPGSQL_RECORD:
        slot->is_record = true;
        slot->value.type = type_get(OID_RECORD); /* of the null that it is before it has fields */
        return KY_OK;
    case PLPGSQL_ROW_OF:
        KY_TRY(find_table(c, variable->names, &table));
        make_row(slot, table);
        return KY_OK;
    case PLPGSQL_TYPE_OF:
        KY_TRY(variable->like >= 0 ? type_of_variable(c, variable, slot)
                                   : type_of_column(c, variable, slot));
        return variable->is_array ? make_array(c, slot) : KY_OK;
    case PLPGSQL_FOUND:
        slot->value.type = type_get(OID_BOOL);
        slot->value.datum = datum_word(false);
        return KY_OK;
    case PLPGSQL_SQLSTATE:
    case PLPGSQL_SQLERRM:
        slot->value.type = type_get(OID_TEXT);
        return KY_OK;
    case PLPGSQL_COUNTER:
        slot->value.type = type_get(OID_INT4);
        return KY_OK;
    case PLPGSQL_CASE_VALUE:
        slot->is_any = true;
        return KY_OK;
    }
    KY_UNREACHABLE();
}

static ky_status
make_slots(struct compiler *c)
{
    struct plpgsql_run *run = c->run;
    const struct plpgsql_program *program = &run->program;
    run->slots = ky_calloc((size_t)program->variable_count + 1, sizeof(*run->slots));
    for (int32_t i = 0; i < program->variable_count; i++) {
        struct plpgsql_slot *slot = &run->slots[i];
        slot->declared = &program->variables[i];
        slot->value.typmod = -1;
        slot->value.datum = datum_null();
        if (resolve_type(c, slot->declared, slot) != KY_OK) {
            c->err->position = slot->declared->type_position;
            if (c->err->position == 0 && c->err->context[0] == '\0') {
                (void)ky_error_context(
                    c->err, "compilation of PL/pgSQL function \"inline_code_block\" near line %d",
                    slot->declared->line);
            }
            return KY_ERR;
        }
    }
    return KY_OK;
}

/* ------------------------------------------------------------------ blocks */

static ky_status
check_condition(struct compiler *c, const struct plpgsql_condition *condition)
{
    unsigned place = 0;
    enum ky_sqlstate found;
    if (condition->name == NULL || strcmp(condition->name, "others") == 0 ||
        ky_condition_next(condition->name, strlen(condition->name), &place, &found)) {
        return KY_OK;
    }
    (void)ky_error_set(c->err, KY_UNDEFINED_OBJECT, "unrecognized exception condition \"%s\"",
                       condition->name);
    return ky_error_context(c->err,
                            "compilation of PL/pgSQL function \"inline_code_block\" near line %d",
                            condition->line);
}

static void
compile_declarations(struct compiler *c, const struct plpgsql_block *block)
{
    for (int32_t i = 0; i < block->variable_count; i++) {
        const int32_t number = block->variables[i];
        const struct plpgsql_variable *variable = &c->run->program.variables[number];
        struct plpgsql_op *op = emit(c, OP_RESET, NULL, NULL);
        op->variable = number;
        op->line = variable->line;
        if (variable->value != NULL) {
            emit_eval(c, variable->value, NULL, NULL);
            c->run->code[c->run->code_count - 1].line = variable->line;
            op = emit(c, OP_INIT, NULL, NULL);
            op->variable = number;
            op->line = variable->line;
        }
    }
}

static ky_status
compile_handlers(struct compiler *c, const struct plpgsql_block *block, int32_t try_at)
{
    int32_t count = 0;
    for (const struct plpgsql_handler *at = block->handlers; at != NULL; at = at->next) {
        count++;
    }
    int32_t *places = ky_arena_array(&c->run->arena, int32_t, (size_t)count);
    int32_t *ends = ky_arena_array(&c->run->arena, int32_t, (size_t)count);
    c->run->code[try_at].handler_places = places;
    count = 0;
    for (const struct plpgsql_handler *at = block->handlers; at != NULL; at = at->next) {
        for (const struct plpgsql_condition *name = at->conditions; name != NULL;
             name = name->next) {
            KY_TRY(check_condition(c, name));
        }
        places[count] = c->run->code_count;
        c->depth++;
        KY_TRY(compile_body(c, &at->body));
        c->depth--;
        (void)emit(c, OP_LEAVE, &block->node, "statement block");
        ends[count++] = emit_jump(c, OP_JUMP, &block->node, "statement block");
    }
    for (int32_t i = 0; i < count; i++) {
        land(c, ends[i]);
    }
    return KY_OK;
}

static ky_status
compile_block(struct compiler *c, const struct plpgsql_block *block)
{
    struct exit_target target;
    int32_t try_at = -1;
    enter_target(c, &target, block->name);
    compile_declarations(c, block);
    if (block->has_handlers) {
        (void)emit(c, OP_TRY, &block->node, "statement block");
        try_at = c->run->code_count - 1;
        c->depth++;
    }
    KY_TRY(compile_body(c, &block->body));
    if (block->has_handlers) {
        c->depth--;
        (void)emit(c, OP_LEAVE, &block->node, "statement block");
        const int32_t end = emit_jump(c, OP_JUMP, &block->node, "statement block");
        KY_TRY(compile_handlers(c, block, try_at));
        land(c, end);
    }
    leave_target(c, &target);
    return KY_OK;
}

/* ------------------------------------------------------------------ branches */

static ky_status
compile_branches(struct compiler *c, const struct plpgsql_statement *node,
                 const struct plpgsql_branch *branches, bool has_else,
                 const struct plpgsql_body *otherwise, const char *what)
{
    struct exit_target ends = {0};
    for (const struct plpgsql_branch *at = branches; at != NULL; at = at->next) {
        emit_eval(c, at->condition, node, what);
        const int32_t next = emit_jump(c, OP_JUMP_IF_FALSE, node, what);
        KY_TRY(compile_body(c, &at->body));
        note_jump(&c->run->arena, &ends.exits, &ends.exit_count, &ends.exit_capacity,
                  emit_jump(c, OP_JUMP, node, what));
        land(c, next);
    }
    if (has_else) {
        KY_TRY(compile_body(c, otherwise));
    } else if (node->kind == PLPGSQL_CASE) {
        (void)emit(c, OP_CASE_NOT_FOUND, node, what);
    }
    for (int32_t i = 0; i < ends.exit_count; i++) {
        land(c, ends.exits[i]);
    }
    return KY_OK;
}

static ky_status
compile_case(struct compiler *c, const struct plpgsql_case *node)
{
    if (node->value != NULL) {
        emit_eval(c, node->value, &node->node, "CASE");
        emit(c, OP_INIT, &node->node, "CASE")->variable = node->variable;
    }
    return compile_branches(c, &node->node, node->branches, node->has_else, &node->otherwise,
                            "CASE");
}

/* ------------------------------------------------------------------ loops */

static ky_status
compile_while(struct compiler *c, const struct plpgsql_loop *loop)
{
    struct exit_target target;
    int32_t end = -1;
    enter_target(c, &target, loop->name);
    target.loop_depth = c->depth;
    const int32_t again = c->run->code_count;
    if (loop->condition != NULL) {
        emit_eval(c, loop->condition, &loop->node, "WHILE");
        end = emit_jump(c, OP_JUMP_IF_FALSE, &loop->node, "WHILE");
    }
    KY_TRY(compile_body(c, &loop->body));
    land_continues(c, &target);
    jump_back(c, loop, "LOOP", again);
    if (end >= 0) {
        land(c, end);
    }
    leave_target(c, &target);
    return KY_OK;
}

/* After the instruction that pushed the loop's frame. */
static ky_status
compile_frame_loop(struct compiler *c, const struct plpgsql_loop *loop, enum plpgsql_code next,
                   const char *what)
{
    struct exit_target target;
    enter_target(c, &target, loop->name);
    c->depth++;
    target.loop_depth = c->depth;
    const int32_t again = emit_jump(c, next, &loop->node, what);
    KY_TRY(compile_body(c, &loop->body));
    land_continues(c, &target);
    jump_back(c, loop, what, again);
    c->depth--;
    land(c, again); /* the end: the frame is gone already */
    leave_target(c, &target);
    return KY_OK;
}

static ky_status
compile_for_integer(struct compiler *c, const struct plpgsql_loop *loop)
{
    static const char what[] = "FOR with integer loop variable";
    emit_eval(c, loop->from, &loop->node, what);
    emit_eval(c, loop->to, &loop->node, what);
    if (loop->step != NULL) {
        emit_eval(c, loop->step, &loop->node, what);
    }
    (void)emit(c, OP_FOR_INTEGER, &loop->node, what);
    return compile_frame_loop(c, loop, OP_NEXT_INTEGER, what);
}

static ky_status
compile_for_query(struct compiler *c, const struct plpgsql_loop *loop)
{
    const char *what = loop->is_dynamic ? "FOR over EXECUTE statement" : "FOR over SELECT rows";
    if (loop->is_dynamic) {
        emit_eval(c, loop->query.sql, &loop->node, what);
        for (int32_t i = 0; i < loop->query.arg_count; i++) {
            emit_eval(c, loop->query.args[i], &loop->node, what);
        }
        (void)emit(c, OP_FOR_DYNAMIC, &loop->node, what);
    } else {
        struct plpgsql_piece *piece = new_piece(c, loop->query.sql, what);
        emit(c, OP_FOR_QUERY, &loop->node, what)->piece = piece;
    }
    return compile_frame_loop(c, loop, OP_NEXT_ROW, what);
}

static ky_status
compile_foreach(struct compiler *c, const struct plpgsql_loop *loop)
{
    static const char what[] = "FOREACH over array";
    emit_eval(c, loop->array, &loop->node, what);
    (void)emit(c, OP_FOREACH, &loop->node, what);
    return compile_frame_loop(c, loop, OP_NEXT_ELEMENT, what);
}

static ky_status
compile_exit(struct compiler *c, const struct plpgsql_exit *node)
{
    const char *what = node->is_continue ? "CONTINUE" : "EXIT";
    int32_t skip = -1;
    struct exit_target *target = c->targets;
    while (target != NULL && target->name != node->at) {
        target = target->outer;
    }
    KY_ASSERT(target != NULL);
    if (node->condition != NULL) {
        emit_eval(c, node->condition, &node->node, what);
        skip = emit_jump(c, OP_JUMP_IF_FALSE, &node->node, what);
    }
    const int32_t jump = emit_jump(c, OP_JUMP, &node->node, what);
    if (node->is_continue) {
        c->run->code[jump].depth = target->loop_depth;
        note_jump(&c->run->arena, &target->continues, &target->continue_count,
                  &target->continue_capacity, jump);
    } else {
        c->run->code[jump].depth = target->depth;
        note_jump(&c->run->arena, &target->exits, &target->exit_count, &target->exit_capacity,
                  jump);
    }
    if (skip >= 0) {
        land(c, skip);
    }
    return KY_OK;
}

/* ------------------------------------------------------------------ statements */

static ky_status
compile_raise(struct compiler *c, const struct plpgsql_raise *raise)
{
    unsigned place = 0;
    enum ky_sqlstate found;
    if (raise->condition != NULL &&
        !ky_condition_next(raise->condition, strlen(raise->condition), &place, &found)) {
        return check_condition(
            c, &(struct plpgsql_condition){.name = raise->condition, .line = raise->node.line});
    }
    for (int32_t i = 0; i < raise->arg_count; i++) {
        emit_eval(c, raise->args[i], &raise->node, "RAISE");
    }
    for (const struct plpgsql_raise_option *at = raise->options; at != NULL; at = at->next) {
        emit_eval(c, at->value, &raise->node, "RAISE");
    }
    (void)emit(c, raise->is_again ? OP_RAISE_AGAIN : OP_RAISE, &raise->node, "RAISE");
    return KY_OK;
}

static void
compile_assert(struct compiler *c, const struct plpgsql_assert *node)
{
    emit_eval(c, node->condition, &node->node, "ASSERT");
    const int32_t holds = emit_jump(c, OP_CHECK_ASSERT, &node->node, "ASSERT");
    if (node->message != NULL) {
        emit_eval(c, node->message, &node->node, "ASSERT");
    }
    (void)emit(c, OP_ASSERT_FAILED, &node->node, "ASSERT");
    land(c, holds);
}

static void
compile_assign(struct compiler *c, const struct plpgsql_assign *node)
{
    emit_eval(c, node->value, &node->node, "assignment");
    struct plpgsql_piece *value = c->run->code[c->run->code_count - 1].piece;
    if (node->target.subscript != NULL) {
        emit_eval(c, node->target.subscript, &node->node, "assignment");
    }
    emit(c, OP_ASSIGN, &node->node, "assignment")->piece = value;
}

static void
compile_execute(struct compiler *c, const struct plpgsql_execute *node)
{
    if (node->node.kind == PLPGSQL_EXECUTE) {
        emit_eval(c, node->sql, &node->node, "EXECUTE");
        for (int32_t i = 0; i < node->arg_count; i++) {
            emit_eval(c, node->args[i], &node->node, "EXECUTE");
        }
        (void)emit(c, OP_DYNAMIC, &node->node, "EXECUTE");
        return;
    }
    const char *what = node->node.kind == PLPGSQL_PERFORM ? "PERFORM" : "SQL statement";
    struct plpgsql_piece *piece = new_piece(c, node->sql, what);
    emit(c, OP_SQL, &node->node, what)->piece = piece;
}

static ky_status
compile_statement(struct compiler *c, const struct plpgsql_statement *node)
{
    const void *statement = node;
    switch (node->kind) {
    case PLPGSQL_BLOCK:
        return compile_block(c, statement);
    case PLPGSQL_NULL:
        break;
    case PLPGSQL_ASSIGN:
        compile_assign(c, statement);
        break;
    case PLPGSQL_EXECUTE_SQL:
    case PLPGSQL_PERFORM:
    case PLPGSQL_EXECUTE:
        compile_execute(c, statement);
        break;
    case PLPGSQL_IF: {
        const struct plpgsql_if *branches = statement;
        return compile_branches(c, node, branches->branches, branches->has_else,
                                &branches->otherwise, "IF");
    }
    case PLPGSQL_CASE:
        return compile_case(c, statement);
    case PLPGSQL_LOOP:
    case PLPGSQL_WHILE:
        return compile_while(c, statement);
    case PLPGSQL_FOR_INTEGER:
        return compile_for_integer(c, statement);
    case PLPGSQL_FOR_QUERY:
        return compile_for_query(c, statement);
    case PLPGSQL_FOREACH:
        return compile_foreach(c, statement);
    case PLPGSQL_EXIT:
        return compile_exit(c, statement);
    case PLPGSQL_RETURN:
        (void)emit(c, OP_RETURN, node, "RETURN");
        break;
    case PLPGSQL_RAISE:
        return compile_raise(c, statement);
    case PLPGSQL_ASSERT:
        compile_assert(c, statement);
        break;
    case PLPGSQL_DIAGNOSTICS:
        (void)emit(c, OP_DIAGNOSTICS, node,
                   ((const struct plpgsql_diagnostics *)statement)->is_stacked
                       ? "GET STACKED DIAGNOSTICS"
                       : "GET DIAGNOSTICS");
        break;
    case PLPGSQL_COMMIT:
    case PLPGSQL_ROLLBACK:
        (void)emit(c, OP_TRANSACTION, node, node->kind == PLPGSQL_COMMIT ? "COMMIT" : "ROLLBACK");
        break;
    }
    return KY_OK;
}

static ky_status
compile_body(struct compiler *c, const struct plpgsql_body *body)
{
    for (const struct plpgsql_statement *at = body->first; at != NULL; at = at->next) {
        KY_TRY(compile_statement(c, at));
    }
    return KY_OK;
}

ky_status
plpgsql_compile(struct plpgsql_run *run, struct ky_error *err)
{
    struct compiler c = {.run = run, .err = err};
    KY_TRY(session_image(run->session, &c.image, err));
    session_bind_context(run->session, &c.bind, &run->arena, c.image, &c.env, NULL);
    ky_status status = make_slots(&c);
    if (status == KY_OK) {
        status = compile_block(&c, run->program.block);
    }
    cat_image_release(c.image);
    (void)emit(&c, OP_RETURN, NULL, NULL);
    return status;
}

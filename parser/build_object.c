/* SPDX-License-Identifier: Apache-2.0 */
#include "parser/build_private.h"

/* DROP, roles, privileges, transactions, settings, cursors, maintenance. */

struct ast_node *
build_drop(struct parser *p, int object_type, bool is_if_exists, struct ast_list *objects,
           enum ast_behavior behavior, int32_t location)
{
    struct ast_drop *drop = NODE(AST_DROP, ast_drop, location);
    drop->object_type = (enum ast_object_type)object_type;
    drop->is_if_exists = is_if_exists;
    drop->objects = objects;
    drop->behavior = behavior;
    return &drop->node;
}

struct ast_node *
build_database(struct parser *p, enum ast_kind kind, struct token name, bool is_if_exists,
               struct ast_list *options, int32_t location)
{
    struct ast_database *database = NODE(kind, ast_database, location);
    database->name = name.text;
    database->is_if_exists = is_if_exists;
    database->options = options;
    return &database->node;
}

struct ast_node *
build_drop_role(struct parser *p, bool is_if_exists, struct ast_list *roles, int32_t location)
{
    struct ast_drop_role *drop = NODE(AST_DROP_ROLE, ast_drop_role, location);
    drop->is_if_exists = is_if_exists;
    drop->roles = roles;
    return &drop->node;
}

/* The text is filled in when the statement's end is known. */
struct ast_node *
build_unsupported(struct parser *p, const char *command, int32_t location)
{
    struct ast_unsupported *node = NODE(AST_UNSUPPORTED, ast_unsupported, location);
    node->command = command;
    node->text = "";
    return &node->node;
}

struct ast_node *
build_unsupported2(struct parser *p, const char *verb, const char *object, const char *more,
                   int32_t location)
{
    char *command = ky_arena_printf(p->arena, "%s %s%s", verb, object, more == NULL ? "" : more);
    for (char *at = command; *at != '\0'; at++) {
        *at = (char)(*at >= 'a' && *at <= 'z' ? *at - 'a' + 'A' : *at);
    }
    return build_unsupported(p, command, location);
}

struct ast_node *
build_comment(struct parser *p, int object_type, struct ast_node *object, struct token text,
              int32_t location)
{
    struct ast_comment *comment = NODE(AST_COMMENT, ast_comment, location);
    comment->object_type = (enum ast_object_type)object_type;
    comment->object = object;
    comment->text = text.text;
    return &comment->node;
}

struct ast_node *
build_schema(struct parser *p, const char *name, struct ast_role *owner, bool is_if_not_exists,
             struct ast_list *elements, int32_t location)
{
    struct ast_create_schema *schema = NODE(AST_CREATE_SCHEMA, ast_create_schema, location);
    schema->name = name;
    schema->owner = owner;
    schema->is_if_not_exists = is_if_not_exists;
    schema->elements = elements;
    if (is_if_not_exists && elements != NULL) {
        parser_error_set(p, KY_FEATURE_NOT_SUPPORTED, elements->items[0]->location,
                         "CREATE SCHEMA IF NOT EXISTS cannot include schema elements");
    }
    return &schema->node;
}

struct ast_node *
build_alter_setting(struct parser *p, bool is_system, struct ast_role *role, bool is_all_roles,
                    const char *database, struct ast_set *set, int32_t location)
{
    struct ast_alter_setting *node = NODE(AST_ALTER_SETTING, ast_alter_setting, location);
    node->is_system = is_system;
    node->role = role;
    node->is_all_roles = is_all_roles;
    node->database = database;
    node->set = set;
    return &node->node;
}

/* ---- roles and privileges ---- */

struct ast_role *
build_role(struct parser *p, struct token name)
{
    struct ast_role *role = NODE(AST_ROLE, ast_role, name.location);
    if (strcmp(name.text, "public") == 0) {
        role->type = AST_ROLE_PUBLIC;
    } else if (strcmp(name.text, "none") == 0) {
        parser_error_set(p, KY_RESERVED_NAME, name.location, "role name \"none\" is reserved");
    }
    role->name = role->type == AST_ROLE_NAME ? name.text : NULL;
    return role;
}

struct ast_node *
build_create_role(struct parser *p, struct token word, struct token name, struct ast_list *options,
                  int32_t location)
{
    struct ast_create_role *role = NODE(AST_CREATE_ROLE, ast_create_role, location);
    if (strcmp(name.text, "public") == 0 || strcmp(name.text, "none") == 0) {
        parser_error_set(p, KY_RESERVED_NAME, name.location, "role name \"%s\" is reserved",
                         name.text);
    }
    role->name = name.text;
    role->is_user = strcmp(word.text, "user") == 0;
    role->options = options;
    return &role->node;
}

/* how is the first letter of add or drop for ALTER GROUP, else 0. */
struct ast_node *
build_alter_role(struct parser *p, struct ast_role *role, char how, struct ast_list *options,
                 int32_t location)
{
    struct ast_alter_role *node = NODE(AST_ALTER_ROLE, ast_alter_role, location);
    node->role = role;
    node->is_add = how == 'a';
    node->is_drop = how == 'd';
    node->options = options;
    return &node->node;
}

struct ast_node *
build_role_flag(struct parser *p, struct token word)
{
    static const char *const flags[] = {"superuser",   "createdb",  "createrole", "inherit",
                                        "replication", "bypassrls", "login"};
    bool is_negated = strncmp(word.text, "no", 2) == 0;
    const char *name = is_negated ? word.text + 2 : word.text;
    for (size_t i = 0; i < KY_COUNT_OF(flags); i++) {
        if (strcmp(name, flags[i]) == 0) {
            return build_option(p, flags[i], build_bool_const(p, !is_negated, -1), word.location);
        }
    }
    parser_error_at(p, word.location, "unrecognized role option \"%s\"", word.text);
    return build_option(p, word.text, NULL, word.location);
}

struct ast_node *
build_grant(struct parser *p, struct ast_grant *grant, bool is_grant, struct ast_list *privileges,
            struct ast_list *grantees, bool is_option, struct ast_role *grantor,
            enum ast_behavior behavior, int32_t location)
{
    (void)p;
    grant->node.location = location;
    grant->is_grant = is_grant;
    grant->privileges = privileges;
    grant->grantees = grantees;
    grant->is_option = is_option;
    grant->grantor = grantor;
    grant->behavior = behavior;
    return &grant->node;
}

struct ast_grant *
build_grant_target(struct parser *p, enum ast_object_type object_type, struct ast_list *objects,
                   bool is_all_in_schema)
{
    struct ast_grant *grant = NODE(AST_GRANT, ast_grant, -1);
    grant->object_type = object_type;
    grant->objects = objects;
    grant->is_all_in_schema = is_all_in_schema;
    return grant;
}

/* node NULL: the first of the options; each may be said again. */
struct ast_default_privileges *
build_default_privileges(struct parser *p, struct ast_default_privileges *node,
                         struct ast_list *roles, struct ast_list *schemas)
{
    if (node == NULL) {
        node = NODE(AST_DEFAULT_PRIVILEGES, ast_default_privileges, -1);
    }
    if ((roles != NULL && node->roles != NULL) || (schemas != NULL && node->schemas != NULL)) {
        parser_error_at(p, -1, "conflicting or redundant options");
    }
    node->roles = roles != NULL ? roles : node->roles;
    node->schemas = schemas != NULL ? schemas : node->schemas;
    return node;
}

struct ast_node *
build_default_grant(struct parser *p, struct ast_default_privileges *node, struct ast_node *grant,
                    int32_t location)
{
    (void)p;
    node->node.location = location;
    node->grant = (struct ast_grant *)(void *)grant;
    return &node->node;
}

struct ast_node *
build_owned(struct parser *p, struct ast_list *roles, struct ast_role *new_owner,
            enum ast_behavior behavior, int32_t location)
{
    struct ast_owned *owned = NODE(AST_OWNED, ast_owned, location);
    owned->roles = roles;
    owned->new_owner = new_owner;
    owned->behavior = behavior;
    return &owned->node;
}

struct ast_node *
build_privilege(struct parser *p, struct token name, struct ast_list *columns)
{
    struct ast_privilege *privilege = NODE(AST_PRIVILEGE, ast_privilege, name.location);
    privilege->name = name.text;
    privilege->columns = columns;
    return &privilege->node;
}

/* Role names and privileges look alike until ON or TO has been seen. */
struct ast_node *
build_grant_role(struct parser *p, bool is_grant, struct ast_list *privileges,
                 struct ast_list *grantees, bool is_option, struct ast_role *grantor,
                 enum ast_behavior behavior, int32_t location)
{
    struct ast_grant_role *grant = NODE(AST_GRANT_ROLE, ast_grant_role, location);
    for (int32_t i = 0; i < privileges->count; i++) {
        const struct ast_privilege *item = (const void *)privileges->items[i];
        if (item->columns != NULL) {
            parser_error_at(p, item->node.location,
                            "column names cannot be included in GRANT/REVOKE ROLE");
        }
        struct token name = {item->name, item->node.location, 0};
        grant->roles = list_add(p, grant->roles, build_name(p, name));
    }
    grant->is_grant = is_grant;
    grant->is_option = is_option;
    grant->grantees = grantees;
    grant->grantor = grantor;
    grant->behavior = behavior;
    return &grant->node;
}

struct ast_node *
build_alter_enum(struct parser *p, struct ast_list *names, bool is_if_not_exists, const char *label,
                 const char *neighbor, bool is_after, int32_t location)
{
    struct ast_alter_enum *node = NODE(AST_ALTER_ENUM, ast_alter_enum, location);
    node->names = names;
    node->is_if_not_exists = is_if_not_exists;
    node->new_label = label;
    node->neighbor = neighbor;
    node->is_after = is_after;
    return &node->node;
}

/* COLLATE stands among the constraints in the source and moves to its own place here. */
struct ast_node *
build_create_domain(struct parser *p, struct ast_list *names, struct ast_type_name *type,
                    struct ast_list *quals, int32_t location)
{
    struct ast_create_domain *node = NODE(AST_CREATE_DOMAIN, ast_create_domain, location);
    node->names = names;
    node->type = type;
    for (int32_t i = 0; i < ast_list_count(quals); i++) {
        struct ast_node *qual = quals->items[i];
        if (qual->kind == AST_COLLATE) {
            node->collation = ((struct ast_collate *)(void *)qual)->names;
        } else {
            node->constraints = list_add(p, node->constraints, qual);
        }
    }
    return &node->node;
}

struct ast_node *
build_alter_domain(struct parser *p, struct ast_list *names, struct ast_node *command,
                   int32_t location)
{
    struct ast_alter_domain *node = NODE(AST_ALTER_DOMAIN, ast_alter_domain, location);
    node->names = names;
    node->command = (struct ast_alter_command *)(void *)command;
    return &node->node;
}

/* ---- session ---- */

struct ast_transaction *
build_transaction(struct parser *p, enum ast_transaction_type type, const char *name,
                  struct ast_list *modes, bool is_chain, int32_t location)
{
    struct ast_transaction *node = NODE(AST_TRANSACTION, ast_transaction, location);
    node->type = type;
    node->name = name;
    node->modes = modes;
    node->is_chain = is_chain;
    return node;
}

struct ast_set *
build_set(struct parser *p, enum ast_set_type type, const char *name, struct ast_list *values)
{
    struct ast_set *set = NODE(AST_SET, ast_set, -1);
    set->type = type;
    set->name = name;
    set->values = values;
    return set;
}

struct ast_node *
build_show(struct parser *p, const char *name, int32_t location)
{
    struct ast_show *show = NODE(AST_SHOW, ast_show, location);
    show->name = name;
    return &show->node;
}

struct ast_node *
build_set_constraints(struct parser *p, struct ast_list *constraints, bool is_deferred,
                      int32_t location)
{
    struct ast_set_constraints *set = NODE(AST_SET_CONSTRAINTS, ast_set_constraints, location);
    set->constraints = constraints;
    set->is_deferred = is_deferred;
    return &set->node;
}

struct ast_node *
build_explain(struct parser *p, struct ast_list *options, struct ast_node *statement,
              int32_t location)
{
    struct ast_explain *explain = NODE(AST_EXPLAIN, ast_explain, location);
    explain->options = options;
    explain->statement = statement;
    adopt(p, &explain->node, statement);
    return &explain->node;
}

struct ast_node *
build_execute(struct parser *p, struct token name, struct ast_list *args, int32_t location)
{
    struct ast_execute *execute = NODE(AST_EXECUTE, ast_execute, location);
    execute->name = name.text;
    execute->args = args;
    adopt_list(p, &execute->node, args);
    return &execute->node;
}

struct ast_node *
build_deallocate(struct parser *p, const char *name, int32_t location)
{
    struct ast_deallocate *node = NODE(AST_DEALLOCATE, ast_deallocate, location);
    node->name = name;
    return &node->node;
}

struct ast_node *
build_declare(struct parser *p, struct token name, int options, struct ast_select *query,
              int32_t location)
{
    struct ast_declare_cursor *cursor = NODE(AST_DECLARE_CURSOR, ast_declare_cursor, location);
    cursor->name = name.text;
    cursor->is_binary = (options & CURSOR_BINARY) != 0;
    cursor->is_scroll = (options & CURSOR_SCROLL) != 0;
    cursor->is_no_scroll = (options & CURSOR_NO_SCROLL) != 0;
    cursor->is_insensitive = (options & CURSOR_INSENSITIVE) != 0;
    cursor->is_asensitive = (options & CURSOR_ASENSITIVE) != 0;
    cursor->is_with_hold = (options & CURSOR_HOLD) != 0;
    cursor->query = query;
    adopt(p, &cursor->node, &query->node);
    return &cursor->node;
}

struct ast_fetch *
build_fetch(struct parser *p, enum ast_fetch_direction direction, int64_t count,
            struct token cursor)
{
    struct ast_fetch *fetch = NODE(AST_FETCH, ast_fetch, -1);
    fetch->direction = direction;
    fetch->count = count;
    fetch->cursor = cursor.text;
    return fetch;
}

struct ast_node *
build_close(struct parser *p, const char *cursor, int32_t location)
{
    struct ast_close *node = NODE(AST_CLOSE, ast_close, location);
    node->cursor = cursor;
    return &node->node;
}

struct ast_node *
build_notify(struct parser *p, enum ast_notify_type type, const char *channel, const char *payload,
             int32_t location)
{
    struct ast_notify *notify = NODE(AST_NOTIFY, ast_notify, location);
    notify->type = type;
    notify->channel = channel;
    notify->payload = payload;
    return &notify->node;
}

/* $tag$ and quotes may stand around it; escapes may not be in it. */
static int32_t
verbatim_offset(const struct parser *p, const struct token *string)
{
    const size_t size = strlen(string->text);
    const int32_t around = string->size - (int32_t)size;
    const char *written = p->lexer->text + string->location;
    return around > 0 && around % 2 == 0 && memcmp(written + around / 2, string->text, size) == 0
               ? string->location + around / 2
               : -1;
}

struct ast_node *
build_do(struct parser *p, struct token body, struct token language, int32_t location)
{
    struct ast_do *node = NODE(AST_DO, ast_do, location);
    node->language = language.text;
    node->body = body.text;
    node->body_offset = verbatim_offset(p, &body);
    return &node->node;
}

/* ---- maintenance ---- */

struct ast_node *
build_analyze(struct parser *p, bool is_vacuum, struct ast_list *options,
              struct ast_list *relations, int32_t location)
{
    struct ast_analyze *node = NODE(AST_ANALYZE, ast_analyze, location);
    node->is_vacuum = is_vacuum;
    node->options = options;
    node->relations = relations;
    return &node->node;
}

struct ast_node *
build_reindex(struct parser *p, struct ast_list *options, struct token target, bool is_concurrent,
              struct ast_range_var *relation, const char *name, int32_t location)
{
    struct ast_reindex *reindex = NODE(AST_REINDEX, ast_reindex, location);
    reindex->options = options;
    reindex->target = target.text;
    reindex->is_concurrent = is_concurrent;
    reindex->relation = relation;
    reindex->name = name;
    return &reindex->node;
}

struct ast_node *
build_cluster(struct parser *p, bool is_verbose, struct ast_range_var *relation, const char *index,
              int32_t location)
{
    struct ast_cluster *cluster = NODE(AST_CLUSTER, ast_cluster, location);
    cluster->is_verbose = is_verbose;
    cluster->relation = relation;
    cluster->index = index;
    return &cluster->node;
}

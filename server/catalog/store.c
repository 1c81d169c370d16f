/* SPDX-License-Identifier: Apache-2.0 */
#include "server/catalog/store.h"

#include "server/base/assert.h"

/*
 * The packing: integers as 8 bytes little-endian; text as u32 size and bytes, size UINT32_MAX
 * for NULL. One function per kind walks the fields in order, in both directions: `walk` with
 * an encoder appends, with a decoder reads, so the two can never disagree.
 */
enum { STORE_VERSION = 1 };

struct walk {
    struct ky_buffer *out; /* encoding, or NULL */
    const uint8_t *next;   /* decoding */
    const uint8_t *end;
    struct ky_arena *arena;
    bool is_damaged;
};

static bool
walk_bytes(struct walk *walk, void *value, size_t size)
{
    if (walk->out != NULL) {
        ky_buffer_append(walk->out, value, size);
        return true;
    }
    if ((size_t)(walk->end - walk->next) < size) {
        walk->is_damaged = walk->next != walk->end;
        walk->next = walk->end;
        return false;
    }
    memcpy(value, walk->next, size);
    walk->next += size;
    return true;
}

static int64_t
walk_int(struct walk *walk, int64_t value)
{
    return walk_bytes(walk, &value, sizeof(value)) ? value : 0;
}

/* Encoding leaves the object alone: it may be constant. */
#define WALK_INT(walk, field)                                \
    do {                                                     \
        int64_t walked = walk_int((walk), (int64_t)(field)); \
        if ((walk)->out == NULL) {                           \
            (field) = (__typeof__(field))walked;             \
        }                                                    \
    } while (0)

static void
walk_text(struct walk *walk, const char **text)
{
    uint32_t size = 0;
    if (walk->out != NULL) {
        size = *text == NULL ? UINT32_MAX : (uint32_t)strlen(*text);
        ky_buffer_append(walk->out, &size, sizeof(size));
        if (*text != NULL) {
            ky_buffer_append(walk->out, *text, size);
        }
        return;
    }
    *text = NULL;
    if (!walk_bytes(walk, &size, sizeof(size)) || size == UINT32_MAX) {
        return;
    }
    if ((size_t)(walk->end - walk->next) < size) {
        walk->is_damaged = true;
        walk->next = walk->end;
        return;
    }
    *text = ky_arena_cstr(walk->arena, ky_slice(walk->next, size));
    walk->next += size;
}

/* A count from a row: every element takes at least one byte, so a damaged count cannot make us
 * allocate more than the row's own size times the element's. */
static uint16_t
walk_count(struct walk *walk, uint16_t count)
{
    int64_t value = walk_int(walk, count);
    if (walk->out == NULL && (value < 0 || value > UINT16_MAX || value > walk->end - walk->next)) {
        walk->is_damaged = true;
        return 0;
    }
    return (uint16_t)value;
}

static void
walk_texts(struct walk *walk, const char *const **texts)
{
    uint16_t count = 0;
    while (walk->out != NULL && *texts != NULL && (*texts)[count] != NULL) {
        count++;
    }
    count = walk_count(walk, count);
    const char **items = NULL;
    if (walk->out == NULL && count > 0) {
        items = ky_arena_array(walk->arena, const char *, (size_t)count + 1);
    }
    for (uint16_t i = 0; i < count; i++) {
        const char *item = walk->out != NULL ? (*texts)[i] : NULL;
        walk_text(walk, &item);
        if (walk->out == NULL) {
            items[i] = item == NULL ? "" : item;
        }
    }
    if (walk->out == NULL) {
        *texts = items;
    }
}

static void
walk_type(struct walk *walk, const struct type **type)
{
    int64_t oid = walk_int(walk, walk->out != NULL ? (*type)->oid : 0);
    if (walk->out != NULL) {
        return;
    }
    *type = oid > 0 && oid <= UINT32_MAX ? type_find((oid_t)oid) : NULL;
    if (*type == NULL) {
        walk->is_damaged = true;
        *type = type_get(OID_TEXT);
    }
}

static void
walk_datum(struct walk *walk, const struct type *type, struct datum *value)
{
    bool is_null = walk_int(walk, value->is_null) != 0;
    if (walk->out == NULL) {
        value->is_null = is_null;
    }
    if (is_null) {
        return;
    }
    if (type->storage != TYPE_BYTES) {
        WALK_INT(walk, value->word);
        return;
    }
    uint32_t size = (uint32_t)value->bytes.size;
    if (!walk_bytes(walk, &size, sizeof(size))) {
        value->is_null = true;
        return;
    }
    if (walk->out != NULL) {
        ky_buffer_append_slice(walk->out, value->bytes);
        return;
    }
    if ((size_t)(walk->end - walk->next) < size) {
        walk->is_damaged = true;
        value->is_null = true;
        return;
    }
    value->bytes = ky_slice_dup(walk->arena, ky_slice(walk->next, size));
    walk->next += size;
}

static void
walk_column(struct walk *walk, struct cat_column *column)
{
    if (walk->out == NULL) {
        column->statistics = NULL; /* linked when the image is whole */
    }
    walk_text(walk, &column->name);
    WALK_INT(walk, column->number);
    walk_type(walk, &column->type);
    WALK_INT(walk, column->typmod);
    WALK_INT(walk, column->is_not_null);
    WALK_INT(walk, column->is_dropped);
    WALK_INT(walk, column->identity);
    WALK_INT(walk, column->generated);
    walk_text(walk, &column->default_sql);
    WALK_INT(walk, column->default_oid);
    walk_datum(walk, column->type, &column->missing);
}

static void
walk_table(struct walk *walk, struct cat_table *table)
{
    WALK_INT(walk, table->oid);
    walk_text(walk, &table->name);
    WALK_INT(walk, table->schema);
    WALK_INT(walk, table->kind);
    WALK_INT(walk, table->persistence);
    WALK_INT(walk, table->rel);
    WALK_INT(walk, table->owner);
    WALK_INT(walk, table->row_type);
    uint16_t count = walk_count(walk, table->column_count);
    if (walk->out == NULL) {
        table->column_count = count;
        table->columns = ky_arena_array(walk->arena, struct cat_column, count);
    }
    for (uint16_t i = 0; i < count; i++) {
        walk_column(walk, &table->columns[i]);
    }
    walk_text(walk, &table->view_sql);
    walk_texts(walk, &table->options);
    WALK_INT(walk, table->is_vectors);
    for (size_t i = 0; i < KY_COUNT_OF(table->sequence); i++) {
        WALK_INT(walk, table->sequence[i]);
    }
    WALK_INT(walk, table->sequence_type);
    WALK_INT(walk, table->owner_table);
    WALK_INT(walk, table->owner_column);
    WALK_INT(walk, table->is_populated);
    for (uint16_t i = 0; i < count; i++) {
        WALK_INT(walk, table->columns[i].domain);
    }
}

static void
walk_index(struct walk *walk, struct cat_index *index, struct store_link *link)
{
    link->table = walk->out != NULL ? index->table->oid : 0;
    WALK_INT(walk, index->oid);
    walk_text(walk, &index->name);
    WALK_INT(walk, link->table);
    WALK_INT(walk, index->method);
    WALK_INT(walk, index->is_unique);
    WALK_INT(walk, index->is_primary);
    WALK_INT(walk, index->is_nulls_not_distinct);
    WALK_INT(walk, index->is_valid);
    WALK_INT(walk, index->constraint);
    WALK_INT(walk, index->key_count);
    uint16_t count = walk_count(walk, index->column_count);
    if (walk->out == NULL) {
        index->column_count = count;
        index->keys = ky_arena_array(walk->arena, struct cat_key, count);
    }
    for (uint16_t i = 0; i < count; i++) {
        struct cat_key *key = &index->keys[i];
        WALK_INT(walk, key->column);
        walk_text(walk, &key->expression_sql);
        walk_type(walk, &key->type);
        WALK_INT(walk, key->is_descending);
        WALK_INT(walk, key->is_nulls_first);
        walk_text(walk, &key->opclass);
    }
    walk_text(walk, &index->predicate_sql);
    walk_texts(walk, &index->options);
    for (uint16_t i = 0; i < count; i++) {
        WALK_INT(walk, index->keys[i].typmod);
    }
}

static void
walk_numbers(struct walk *walk, const int16_t **numbers, uint16_t count)
{
    int16_t *copy = NULL;
    if (walk->out == NULL) {
        copy = ky_arena_array(walk->arena, int16_t, count);
    }
    for (uint16_t i = 0; i < count; i++) {
        int64_t number = walk_int(walk, walk->out != NULL ? (*numbers)[i] : 0);
        if (walk->out == NULL) {
            copy[i] = (int16_t)number;
        }
    }
    if (walk->out == NULL) {
        *numbers = copy;
    }
}

static void
walk_constraint(struct walk *walk, struct cat_constraint *constraint, struct store_link *link)
{
    if (walk->out != NULL) {
        link->table = constraint->table->oid;
        link->index = constraint->index == NULL ? OID_NONE : constraint->index->oid;
    }
    WALK_INT(walk, constraint->oid);
    walk_text(walk, &constraint->name);
    WALK_INT(walk, link->table);
    WALK_INT(walk, link->index);
    WALK_INT(walk, constraint->kind);
    uint16_t column_count = walk_count(walk, constraint->column_count);
    if (walk->out == NULL) {
        constraint->column_count = column_count;
    }
    walk_numbers(walk, &constraint->columns, constraint->column_count);
    walk_text(walk, &constraint->check_sql);
    WALK_INT(walk, constraint->foreign_table);
    if (constraint->kind == CONSTRAINT_FOREIGN) {
        walk_numbers(walk, &constraint->foreign_columns, constraint->column_count);
    }
    WALK_INT(walk, constraint->on_update);
    WALK_INT(walk, constraint->on_delete);
    WALK_INT(walk, constraint->match);
    WALK_INT(walk, constraint->is_deferrable);
    WALK_INT(walk, constraint->is_deferred);
    WALK_INT(walk, constraint->is_validated);
    uint16_t delete_count = walk_count(walk, constraint->delete_column_count);
    if (walk->out == NULL) {
        constraint->delete_column_count = delete_count;
    }
    walk_numbers(walk, &constraint->delete_columns, constraint->delete_column_count);
}

static void
walk_labels(struct walk *walk, struct enum_labels *labels)
{
    const uint16_t count = walk_count(walk, (uint16_t)labels->count);
    const bool is_reading = walk->out == NULL;
    struct enum_label *read =
        is_reading ? ky_arena_array(walk->arena, struct enum_label, count) : NULL;
    for (uint16_t i = 0; i < count; i++) {
        struct enum_label label = is_reading ? (struct enum_label){0} : labels->labels[i];
        WALK_INT(walk, label.oid);
        WALK_INT(walk, label.word);
        walk_text(walk, &label.name);
        if (is_reading) {
            walk->is_damaged =
                walk->is_damaged || label.name == NULL || (i > 0 && read[i - 1].word >= label.word);
            if (walk->is_damaged) {
                return;
            }
            read[i] = label;
        }
    }
    if (is_reading) {
        enum_labels_init(labels, read, count, walk->arena);
    }
}

static void
walk_domain(struct walk *walk, struct cat_domain *domain)
{
    WALK_INT(walk, domain->typmod);
    WALK_INT(walk, domain->parent);
    WALK_INT(walk, domain->is_not_null);
    walk_text(walk, &domain->default_sql);
    const uint16_t count = walk_count(walk, domain->check_count);
    if (walk->out == NULL) {
        domain->check_count = count;
        domain->checks = ky_arena_calloc(walk->arena, count + 1U, sizeof(*domain->checks));
    }
    for (uint16_t i = 0; i < count; i++) {
        struct cat_domain_check *check = &domain->checks[i];
        WALK_INT(walk, check->oid);
        walk_text(walk, &check->name);
        walk_text(walk, &check->sql);
        WALK_INT(walk, check->is_validated);
        walk->is_damaged = walk->is_damaged || check->name == NULL || check->sql == NULL;
    }
}

static void
walk_user_type(struct walk *walk, struct cat_type *type)
{
    WALK_INT(walk, type->oid);
    walk_text(walk, &type->name);
    WALK_INT(walk, type->schema);
    WALK_INT(walk, type->owner);
    WALK_INT(walk, type->array_oid);
    walk_text(walk, &type->array_name);
    walk_labels(walk, &type->labels);
    oid_t base = type->domain != NULL ? type->domain->base_oid : OID_NONE;
    WALK_INT(walk, base);
    if (base != OID_NONE && walk->out == NULL) {
        type->domain = ky_arena_new(walk->arena, struct cat_domain);
        type->domain->base_oid = base;
    }
    if (base != OID_NONE) {
        walk_domain(walk, type->domain);
    }
    const bool has_array = type->array_name != NULL && type->array_oid >= OID_FIRST_USER;
    walk->is_damaged = walk->is_damaged || type->name == NULL || type->oid < OID_FIRST_USER ||
                       has_array == (base != OID_NONE);
}

static void
walk_role(struct walk *walk, struct cat_role *role)
{
    WALK_INT(walk, role->oid);
    walk_text(walk, &role->name);
    WALK_INT(walk, role->is_superuser);
    WALK_INT(walk, role->can_login);
    WALK_INT(walk, role->can_create_db);
    WALK_INT(walk, role->can_create_role);
    WALK_INT(walk, role->can_inherit);
    WALK_INT(walk, role->can_replicate);
    WALK_INT(walk, role->can_bypass_rls);
    WALK_INT(walk, role->connection_limit);
    walk_text(walk, &role->password);
    WALK_INT(walk, role->valid_until);
}

static void
walk_acl_items(struct walk *walk, struct acl_item **items, uint16_t *count)
{
    const bool is_reading = walk->out == NULL;
    const uint16_t item_count = walk_count(walk, *count);
    if (is_reading) {
        *count = item_count;
        *items = ky_arena_array(walk->arena, struct acl_item, item_count);
    }
    for (uint16_t i = 0; i < item_count; i++) {
        struct acl_item *item = &(*items)[i];
        WALK_INT(walk, item->grantee);
        WALK_INT(walk, item->grantor);
        WALK_INT(walk, item->rights);
        WALK_INT(walk, item->options);
    }
}

static void
walk_real(struct walk *walk, double *value)
{
    (void)walk_bytes(walk, value, sizeof(*value));
}

static struct datum *
walk_datums(struct walk *walk, const struct type *type, struct datum *values, uint16_t *count)
{
    *count = walk_count(walk, *count);
    if (walk->out == NULL) {
        values = ky_arena_calloc(walk->arena, (size_t)*count + 1, sizeof(*values));
    }
    for (uint16_t i = 0; i < *count; i++) {
        walk_datum(walk, type, &values[i]);
    }
    return values;
}

static void
walk_statistics(struct walk *walk, struct cat_statistics *statistics)
{
    /* Encoding leaves the object alone. */
    uint16_t common_count = statistics->common_count;
    uint16_t bound_count = statistics->bound_count;
    const bool is_reading = walk->out == NULL;
    WALK_INT(walk, statistics->table);
    WALK_INT(walk, statistics->column);
    walk_type(walk, &statistics->type);
    walk_real(walk, &statistics->row_count);
    walk_real(walk, &statistics->null_fraction);
    WALK_INT(walk, statistics->average_width);
    walk_real(walk, &statistics->distinct);
    struct datum *common = walk_datums(walk, statistics->type, statistics->common, &common_count);
    double *frequencies =
        is_reading ? ky_arena_calloc(walk->arena, (size_t)common_count + 1, sizeof(double))
                   : statistics->frequencies;
    for (uint16_t i = 0; i < common_count; i++) {
        walk_real(walk, &frequencies[i]);
    }
    struct datum *bounds = walk_datums(walk, statistics->type, statistics->bounds, &bound_count);
    if (is_reading) {
        statistics->common = common;
        statistics->common_count = common_count;
        statistics->frequencies = frequencies;
        statistics->bounds = bounds;
        statistics->bound_count = bound_count;
    }
    WALK_INT(walk, statistics->has_correlation);
    walk_real(walk, &statistics->correlation);
}

static void
walk_object(struct walk *walk, enum cat_kind kind, void *object, struct store_link *link)
{
    switch (kind) {
    case CAT_TYPE:
        walk_user_type(walk, object);
        break;
    case CAT_TABLE:
        walk_table(walk, object);
        break;
    case CAT_INDEX:
        walk_index(walk, object, link);
        break;
    case CAT_CONSTRAINT:
        walk_constraint(walk, object, link);
        break;
    case CAT_SCHEMA: {
        struct cat_schema *schema = object;
        WALK_INT(walk, schema->oid);
        walk_text(walk, &schema->name);
        WALK_INT(walk, schema->owner);
        break;
    }
    case CAT_ROLE:
        walk_role(walk, object);
        break;
    case CAT_DATABASE: {
        struct cat_database *database = object;
        WALK_INT(walk, database->oid);
        walk_text(walk, &database->name);
        WALK_INT(walk, database->owner);
        WALK_INT(walk, database->is_template);
        WALK_INT(walk, database->can_connect);
        break;
    }
    case CAT_EXTENSION: {
        struct cat_extension *extension = object;
        WALK_INT(walk, extension->oid);
        walk_text(walk, &extension->name);
        walk_text(walk, &extension->version);
        WALK_INT(walk, extension->schema);
        break;
    }
    case CAT_COMMENT: {
        struct cat_comment *comment = object;
        WALK_INT(walk, comment->class_oid);
        WALK_INT(walk, comment->object);
        WALK_INT(walk, comment->column);
        walk_text(walk, &comment->text);
        break;
    }
    case CAT_STATISTICS:
        walk_statistics(walk, object);
        break;
    case CAT_ACL: {
        struct cat_acl *acl = object;
        WALK_INT(walk, acl->class_oid);
        WALK_INT(walk, acl->object);
        WALK_INT(walk, acl->column);
        walk_acl_items(walk, &acl->items, &acl->count);
        break;
    }
    case CAT_DEFAULT_ACL: {
        struct cat_default_acl *acl = object;
        WALK_INT(walk, acl->oid);
        WALK_INT(walk, acl->role);
        WALK_INT(walk, acl->schema);
        WALK_INT(walk, acl->kind);
        walk_acl_items(walk, &acl->items, &acl->count);
        break;
    }
    case CAT_ROLE_SETTING: {
        struct cat_role_setting *setting = object;
        WALK_INT(walk, setting->database);
        WALK_INT(walk, setting->role);
        walk_texts(walk, &setting->values);
        break;
    }
    case CAT_MEMBER: {
        struct cat_member *member = object;
        WALK_INT(walk, member->role);
        WALK_INT(walk, member->member);
        WALK_INT(walk, member->grantor);
        WALK_INT(walk, member->is_admin);
        break;
    }
    }
}

rel_id_t
store_relation(enum cat_kind kind)
{
    static const rel_id_t relations[CAT_KIND_COUNT] = {
        [CAT_TYPE] = 1247,       [CAT_TABLE] = 1259,        [CAT_INDEX] = 2610,
        [CAT_CONSTRAINT] = 2606, [CAT_SCHEMA] = 2615,       [CAT_ROLE] = 1260,
        [CAT_DATABASE] = 1262,   [CAT_EXTENSION] = 3079,    [CAT_COMMENT] = 2609,
        [CAT_STATISTICS] = 2619, [CAT_ACL] = 2995,          [CAT_DEFAULT_ACL] = 826,
        [CAT_MEMBER] = 1261,     [CAT_ROLE_SETTING] = 2964,
    };
    return relations[kind];
}

void
store_encode(enum cat_kind kind, const void *object, struct ky_buffer *out)
{
    ky_buffer_append_byte(out, STORE_VERSION);
    struct walk walk = {.out = out};
    struct store_link link = {0};
    /* Encoding only reads the object; the walk is shared with decoding, which writes. */
    walk_object(&walk, kind, (void *)(uintptr_t)object, &link);
}

ky_status
store_decode(enum cat_kind kind, struct ky_slice row, struct ky_arena *arena, void **object_out,
             struct store_link *link_out, struct ky_error *err)
{
    static const size_t sizes[CAT_KIND_COUNT] = {
        [CAT_TYPE] = sizeof(struct cat_type),
        [CAT_TABLE] = sizeof(struct cat_table),
        [CAT_INDEX] = sizeof(struct cat_index),
        [CAT_CONSTRAINT] = sizeof(struct cat_constraint),
        [CAT_SCHEMA] = sizeof(struct cat_schema),
        [CAT_ROLE] = sizeof(struct cat_role),
        [CAT_DATABASE] = sizeof(struct cat_database),
        [CAT_EXTENSION] = sizeof(struct cat_extension),
        [CAT_COMMENT] = sizeof(struct cat_comment),
        [CAT_STATISTICS] = sizeof(struct cat_statistics),
        [CAT_ACL] = sizeof(struct cat_acl),
        [CAT_DEFAULT_ACL] = sizeof(struct cat_default_acl),
        [CAT_MEMBER] = sizeof(struct cat_member),
        [CAT_ROLE_SETTING] = sizeof(struct cat_role_setting),
    };
    const uint8_t *bytes = row.data;
    if (row.size < 1 || bytes[0] != STORE_VERSION) {
        return ky_error_set(err, KY_DATA_CORRUPTED, "catalog row of kind %d has unknown version %d",
                            (int)kind, row.size < 1 ? -1 : bytes[0]);
    }
    struct walk walk = {.next = bytes + 1, .end = bytes + row.size, .arena = arena};
    void *object = ky_arena_calloc(arena, 1, sizes[kind]);
    *link_out = (struct store_link){0};
    walk_object(&walk, kind, object, link_out);
    if (walk.is_damaged) {
        return ky_error_set(err, KY_DATA_CORRUPTED, "catalog row of kind %d is damaged", (int)kind);
    }
    *object_out = object;
    return KY_OK;
}

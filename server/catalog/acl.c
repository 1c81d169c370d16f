/* SPDX-License-Identifier: Apache-2.0 */
#include "server/catalog/acl.h"

#include <strings.h>

#include "server/types/array.h"

static const struct {
    char letter;
    const char *word;
} rights_by_bit[ACL_RIGHT_COUNT] = {
    {'a', "INSERT"},   {'r', "SELECT"},     {'w', "UPDATE"},    {'d', "DELETE"},
    {'D', "TRUNCATE"}, {'x', "REFERENCES"}, {'t', "TRIGGER"},   {'X', "EXECUTE"},
    {'U', "USAGE"},    {'C', "CREATE"},     {'T', "TEMPORARY"}, {'c', "CONNECT"},
};

acl_rights acl_all(enum acl_class class)
{
    switch (class) {
    case ACL_OF_TABLE:
        return ACL_INSERT | ACL_SELECT | ACL_UPDATE | ACL_DELETE | ACL_TRUNCATE | ACL_REFERENCES |
               ACL_TRIGGER;
    case ACL_OF_COLUMN:
        return ACL_INSERT | ACL_SELECT | ACL_UPDATE | ACL_REFERENCES;
    case ACL_OF_SEQUENCE:
        return ACL_USAGE | ACL_SELECT | ACL_UPDATE;
    case ACL_OF_DATABASE:
        return ACL_CREATE | ACL_TEMPORARY | ACL_CONNECT;
    case ACL_OF_SCHEMA:
        return ACL_USAGE | ACL_CREATE;
    case ACL_OF_FUNCTION:
        return ACL_EXECUTE;
    case ACL_OF_TYPE:
        return ACL_USAGE;
    }
    return 0;
}

static unsigned
bit_of(acl_rights right)
{
    return (unsigned)__builtin_ctz(right);
}

char
acl_letter(acl_rights right)
{
    return rights_by_bit[bit_of(right)].letter;
}

const char *
acl_word(acl_rights right)
{
    return rights_by_bit[bit_of(right)].word;
}

acl_rights
acl_right_named(struct ky_slice word)
{
    for (size_t i = 0; i < ACL_RIGHT_COUNT; i++) {
        const char *known = rights_by_bit[i].word;
        if (strlen(known) == word.size && strncasecmp(known, word.data, word.size) == 0) {
            return (acl_rights)(1U << i);
        }
    }
    return word.size == 4 && strncasecmp("temp", word.data, 4) == 0 ? ACL_TEMPORARY : 0;
}

/* ------------------------------------------------------------------ roles */

/* A role and those it is in. */
struct role_set {
    struct ky_buffer roles; /* oid_t */
};

static size_t
set_count(const struct role_set *set)
{
    return set->roles.size / sizeof(oid_t);
}

static oid_t
set_get(const struct role_set *set, size_t i)
{
    oid_t role;
    memcpy(&role, (const uint8_t *)set->roles.data + i * sizeof(role), sizeof(role));
    return role;
}

static bool
set_has(const struct role_set *set, oid_t role)
{
    for (size_t i = 0; i < set_count(set); i++) {
        if (set_get(set, i) == role) {
            return true;
        }
    }
    return false;
}

static void
set_add(struct role_set *set, oid_t role)
{
    if (!set_has(set, role)) {
        ky_buffer_append(&set->roles, &role, sizeof(role));
    }
}

static oid_t
database_owner(const struct cat_image *image)
{
    const struct cat_database *database = cat_find_database(image, ky_slice_cstr("postgres"));
    return database == NULL ? OID_ROLE_POSTGRES : database->owner;
}

/* Roles are added behind those whose memberships are still to be looked at. */
static void
set_init(struct role_set *set, const struct cat_image *image, oid_t role, bool only_inherited)
{
    const oid_t owner = database_owner(image);
    *set = (struct role_set){0};
    set_add(set, role);
    for (size_t i = 0; i < set_count(set); i++) {
        const oid_t member = set_get(set, i);
        const struct cat_role *known = cat_get_role(image, member);
        if (only_inherited && (known == NULL || !known->can_inherit)) {
            continue;
        }
        if (member == owner) {
            set_add(set, OID_ROLE_DATABASE_OWNER);
        }
        for (size_t k = 0; k < image->member_count; k++) {
            if (image->members[k]->member == member) {
                set_add(set, image->members[k]->role);
            }
        }
    }
}

static bool
is_in(const struct cat_image *image, oid_t member, oid_t role, bool only_inherited)
{
    struct role_set set;
    set_init(&set, image, member, only_inherited);
    const bool found = set_has(&set, role);
    ky_buffer_deinit(&set.roles);
    return found;
}

bool
acl_is_superuser(const struct cat_image *image, oid_t role)
{
    const struct cat_role *found = cat_get_role(image, role);
    return found != NULL && found->is_superuser;
}

bool
acl_is_in(const struct cat_image *image, oid_t member, oid_t role)
{
    return member == role || is_in(image, member, role, false);
}

bool
acl_is_member(const struct cat_image *image, oid_t member, oid_t role)
{
    return member == role || acl_is_superuser(image, member) || is_in(image, member, role, false);
}

bool
acl_inherits(const struct cat_image *image, oid_t member, oid_t role)
{
    return member == role || acl_is_superuser(image, member) || is_in(image, member, role, true);
}

bool
acl_may_admin(const struct cat_image *image, oid_t member, oid_t role)
{
    if (acl_is_superuser(image, member)) {
        return true;
    }
    struct role_set set;
    bool may = false;
    set_init(&set, image, member, false);
    for (size_t i = 0; i < image->member_count; i++) {
        const struct cat_member *membership = image->members[i];
        may = may || (membership->role == role && membership->is_admin &&
                      set_has(&set, membership->member));
    }
    ky_buffer_deinit(&set.roles);
    return may;
}

/* ------------------------------------------------------------------ lists */

struct cat_acl *
cat_find_acl(const struct cat_image *image, oid_t class_oid, oid_t object, int32_t column)
{
    size_t low = 0;
    size_t high = image->acl_count;
    while (low < high) {
        const size_t middle = low + (high - low) / 2;
        struct cat_acl *acl = image->acls[middle];
        const bool is_before = acl->class_oid != class_oid ? acl->class_oid < class_oid
                               : acl->object != object     ? acl->object < object
                                                           : acl->column < column;
        if (is_before) {
            low = middle + 1;
        } else if (acl->class_oid == class_oid && acl->object == object && acl->column == column) {
            return acl;
        } else {
            high = middle;
        }
    }
    return NULL;
}

static void
add_default(struct acl_list *list, oid_t grantee, acl_rights rights)
{
    if (rights != 0) {
        list->space[list->count++] =
            (struct acl_item){.grantee = grantee, .grantor = list->owner, .rights = rights};
    }
}

static acl_rights public_default(enum acl_class class)
{
    return class == ACL_OF_DATABASE                           ? ACL_TEMPORARY | ACL_CONNECT
           : class == ACL_OF_FUNCTION || class == ACL_OF_TYPE ? acl_all(class)
                                                              : 0;
}

void
acl_default(enum acl_class class, oid_t owner, struct acl_list *out)
{
    *out = (struct acl_list){.items = out->space, .owner = owner, .is_default = true};
    add_default(out, ACL_PUBLIC, public_default(class));
    add_default(out, owner, class == ACL_OF_COLUMN ? 0 : acl_all(class));
}

/* Those of the object, if it has some: *out is its default then no more. */
static void
take_own(const struct cat_image *image, oid_t class_oid, oid_t object, int32_t column,
         struct acl_list *out)
{
    const struct cat_acl *own = cat_find_acl(image, class_oid, object, column);
    if (own != NULL) {
        out->items = own->items;
        out->count = own->count;
        out->is_default = false;
    }
}

/* Passwords, samples of what is in tables, files of the server. */
static bool
is_secret(const struct cat_table *table)
{
    static const char *const names[] = {
        "pg_authid",
        "pg_config",
        "pg_file_settings",
        "pg_hba_file_rules",
        "pg_ident_file_mappings",
        "pg_largeobject",
        "pg_shadow",
        "pg_statistic",
        "pg_statistic_ext_data",
        "pg_subscription",
        "pg_user_mapping",
        "pg_replication_origin_status",
    };
    for (size_t i = 0; i < KY_COUNT_OF(names); i++) {
        if (strcmp(table->name, names[i]) == 0) {
            return true;
        }
    }
    return false;
}

void
acl_of_table(const struct cat_image *image, const struct cat_table *table, struct acl_list *out)
{
    acl_default(table->kind == 'S' ? ACL_OF_SEQUENCE : ACL_OF_TABLE, table->owner, out);
    if (table->sysview != NULL && !is_secret(table)) {
        add_default(out, ACL_PUBLIC, ACL_SELECT);
    }
    take_own(image, CLASS_PG_CLASS, table->oid, 0, out);
}

void
acl_of_column(const struct cat_image *image, const struct cat_table *table, int16_t column,
              struct acl_list *out)
{
    acl_default(ACL_OF_COLUMN, table->owner, out);
    take_own(image, CLASS_PG_CLASS, table->oid, column, out);
}

oid_t
acl_schema_owner(const struct cat_image *image, const struct cat_schema *schema)
{
    return schema->oid == OID_SCHEMA_PUBLIC && schema->owner == OID_ROLE_POSTGRES &&
                   cat_get_role(image, OID_ROLE_DATABASE_OWNER) != NULL
               ? OID_ROLE_DATABASE_OWNER
               : schema->owner;
}

void
acl_of_schema(const struct cat_image *image, const struct cat_schema *schema, struct acl_list *out)
{
    const oid_t owner = acl_schema_owner(image, schema);
    acl_default(ACL_OF_SCHEMA, owner, out);
    if (owner == OID_ROLE_DATABASE_OWNER || schema->oid == OID_SCHEMA_PG_CATALOG ||
        schema->oid == OID_SCHEMA_INFORMATION || schema->oid == OID_SCHEMA_KYRO) {
        add_default(out, ACL_PUBLIC, ACL_USAGE);
    }
    out->is_default = owner != OID_ROLE_DATABASE_OWNER; /* public's were made with it */
    take_own(image, CLASS_PG_NAMESPACE, schema->oid, 0, out);
}

void
acl_of_database(const struct cat_image *image, const struct cat_database *database,
                struct acl_list *out)
{
    acl_default(ACL_OF_DATABASE, database->owner, out);
    take_own(image, CLASS_PG_DATABASE, database->oid, 0, out);
}

acl_rights
acl_has(const struct cat_image *image, oid_t role, const struct acl_list *list, acl_rights wanted)
{
    if (role != ACL_PUBLIC && acl_is_superuser(image, role)) {
        return wanted;
    }
    struct role_set set = {0};
    acl_rights has = 0;
    if (role != ACL_PUBLIC) {
        set_init(&set, image, role, true);
    }
    for (size_t i = 0; i < list->count; i++) {
        const struct acl_item *item = &list->items[i];
        if (item->grantee == ACL_PUBLIC || set_has(&set, item->grantee)) {
            has |= item->rights;
        }
    }
    ky_buffer_deinit(&set.roles);
    return has & wanted;
}

acl_rights
acl_may_grant(const struct cat_image *image, oid_t role, const struct acl_list *list,
              acl_rights wanted)
{
    if (acl_inherits(image, role, list->owner)) {
        return wanted;
    }
    struct role_set set;
    acl_rights may = 0;
    set_init(&set, image, role, true);
    for (size_t i = 0; i < list->count; i++) {
        const struct acl_item *item = &list->items[i];
        may |= item->grantee != ACL_PUBLIC && set_has(&set, item->grantee) ? item->options : 0;
    }
    ky_buffer_deinit(&set.roles);
    return may & wanted;
}

acl_rights
acl_own_options(oid_t role, const struct acl_list *list)
{
    acl_rights options = 0;
    for (size_t i = 0; i < list->count; i++) {
        options |= list->items[i].grantee == role ? list->items[i].options : 0;
    }
    return options;
}

/* ------------------------------------------------------------------ rights on objects */

/* What a predefined role gives on every object. */
static acl_rights
by_predefined(const struct cat_image *image, oid_t role, acl_rights missing, acl_rights reading,
              acl_rights writing)
{
    acl_rights has = 0;
    if ((missing & reading) != 0 && acl_inherits(image, role, OID_ROLE_READ_ALL_DATA)) {
        has |= missing & reading;
    }
    if ((missing & writing) != 0 && acl_inherits(image, role, OID_ROLE_WRITE_ALL_DATA)) {
        has |= missing & writing;
    }
    return has;
}

acl_rights
acl_on_table(const struct cat_image *image, oid_t role, const struct cat_table *table,
             acl_rights wanted)
{
    struct acl_list list;
    acl_of_table(image, table, &list);
    acl_rights has = acl_has(image, role, &list, wanted);
    if (has != wanted) {
        const acl_rights writing = table->kind == 'S'       ? ACL_UPDATE
                                   : table->sysview == NULL ? ACL_INSERT | ACL_UPDATE | ACL_DELETE
                                                            : 0;
        has |= by_predefined(image, role, wanted & ~has, ACL_SELECT, writing);
    }
    return has;
}

acl_rights
acl_on_column(const struct cat_image *image, oid_t role, const struct cat_table *table,
              int16_t column, acl_rights wanted)
{
    struct acl_list list;
    acl_rights has = acl_on_table(image, role, table, wanted);
    if (has != wanted) {
        acl_of_column(image, table, column, &list);
        has |= acl_has(image, role, &list, wanted);
    }
    return has;
}

acl_rights
acl_on_schema(const struct cat_image *image, oid_t role, const struct cat_schema *schema,
              acl_rights wanted)
{
    struct acl_list list;
    acl_of_schema(image, schema, &list);
    const acl_rights has = acl_has(image, role, &list, wanted);
    return has == wanted ? has
                         : has | by_predefined(image, role, wanted & ~has, ACL_USAGE, ACL_USAGE);
}

acl_rights
acl_on_database(const struct cat_image *image, oid_t role, const struct cat_database *database,
                acl_rights wanted)
{
    struct acl_list list;
    acl_of_database(image, database, &list);
    return acl_has(image, role, &list, wanted);
}

/* ------------------------------------------------------------------ text */

static void
print_role(const struct cat_image *image, oid_t role, struct ky_buffer *out)
{
    const struct cat_role *found = cat_get_role(image, role);
    if (role == ACL_PUBLIC) {
        return;
    }
    if (found == NULL) {
        ky_buffer_printf(out, "%u", role);
        return;
    }
    bool is_plain = true;
    for (const char *at = found->name; *at != '\0'; at++) {
        const char c = *at;
        is_plain = is_plain && ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                                (c >= '0' && c <= '9') || c == '_' || (c & 0x80) != 0);
    }
    ky_buffer_append_cstr(out, is_plain ? "" : "\"");
    for (const char *at = found->name; *at != '\0'; at++) {
        ky_buffer_append_cstr(out, *at == '"' ? "\"" : "");
        ky_buffer_append_byte(out, (uint8_t)*at);
    }
    ky_buffer_append_cstr(out, is_plain ? "" : "\"");
}

void
acl_item_print(const struct cat_image *image, const struct acl_item *item, struct ky_buffer *out)
{
    print_role(image, item->grantee, out);
    ky_buffer_append_byte(out, '=');
    for (unsigned i = 0; i < ACL_RIGHT_COUNT; i++) {
        if ((item->rights >> i & 1U) != 0) {
            ky_buffer_append_byte(out, (uint8_t)rights_by_bit[i].letter);
        }
        if ((item->options >> i & 1U) != 0) {
            ky_buffer_append_byte(out, '*');
        }
    }
    ky_buffer_append_byte(out, '/');
    print_role(image, item->grantor, out);
}

struct datum
acl_print(const struct cat_image *image, const struct acl_list *list, struct ky_arena *arena)
{
    if (list->is_default) {
        return datum_null();
    }
    struct datum *items = ky_arena_array(arena, struct datum, list->count + 1);
    for (size_t i = 0; i < list->count; i++) {
        struct ky_buffer text = {0};
        acl_item_print(image, &list->items[i], &text);
        const struct ky_slice copy = ky_slice_dup(arena, ky_buffer_slice(&text));
        ky_buffer_deinit(&text);
        items[i] = datum_bytes(copy.data, copy.size);
    }
    const struct ky_slice array =
        array_make(arena, type_get(OID_ACLITEM), items, (uint32_t)list->count);
    return datum_bytes(array.data, array.size);
}

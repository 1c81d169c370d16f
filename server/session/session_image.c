/* SPDX-License-Identifier: Apache-2.0 */
#include "server/session/rights.h"
#include "server/types/datetime.h"

/* What a statement sees of the world: the catalog, the search path, the session's settings. */

/* Schemas that the role may not use are passed over. */
static bool
may_use(const struct session *session, const struct cat_image *image,
        const struct cat_schema *schema)
{
    const oid_t role = session_limited_role(session);
    return role == OID_NONE || acl_on_schema(image, role, schema, ACL_USAGE) != 0;
}

static void
resolve_path(struct session *session, const struct cat_image *image)
{
    struct cat_path *path = &session->path;
    const char *text = settings_text(&session->settings, SETTING_SEARCH_PATH);
    bool has_catalog = false;
    path->count = 0;
    path->creation = OID_NONE;
    oid_t listed[KY_COUNT_OF(path->schemas)];
    uint16_t listed_count = 0;
    while (*text != '\0') {
        text += strspn(text, ", ");
        char name[64];
        size_t size = 0;
        bool is_quoted = *text == '"';
        text += is_quoted;
        while (*text != '\0' && (is_quoted ? *text != '"' : *text != ',' && *text != ' ')) {
            if (size + 1 < sizeof(name)) {
                name[size++] = *text;
            }
            text++;
        }
        text += is_quoted && *text == '"';
        name[size] = '\0';
        const char *wanted = strcmp(name, "$user") == 0 ? session->user : name;
        const struct cat_schema *schema = cat_find_schema(image, ky_slice_cstr(wanted));
        if (schema != NULL && may_use(session, image, schema) &&
            listed_count < KY_COUNT_OF(listed) - 2) {
            has_catalog = has_catalog || schema->oid == OID_SCHEMA_PG_CATALOG;
            if (path->creation == OID_NONE) {
                path->creation = schema->oid;
            }
            listed[listed_count++] = schema->oid;
        }
    }
    char temp_name[SESSION_TEMP_NAME_SIZE];
    session_temp_name(session, temp_name);
    const struct cat_schema *temp = cat_find_schema(image, ky_slice_cstr(temp_name));
    if (temp != NULL) {
        path->schemas[path->count++] = temp->oid;
    }
    if (!has_catalog) {
        path->schemas[path->count++] = OID_SCHEMA_PG_CATALOG;
    }
    memcpy(path->schemas + path->count, listed, listed_count * sizeof(listed[0]));
    path->count = (uint16_t)(path->count + listed_count);
}

ky_status
session_image(struct session *session, struct cat_image **image_out, struct ky_error *err)
{
    KY_TRY(transaction_ensure(session, err));
    KY_TRY(catalog_acquire(server_catalog(session->server), access_storage_txn(session->txn),
                           session->has_catalog_changes, image_out, err));
    if (session->path_image != (*image_out)->number ||
        session->path_version != session->settings.version) {
        session->is_superuser = acl_is_superuser(*image_out, session->role);
        resolve_path(session, *image_out);
        session->path_image = (*image_out)->number;
        session->path_version = session->settings.version;
    }
    return KY_OK;
}

void
session_env(struct session *session, struct func_env *env, struct ky_arena *arena,
            const struct cat_image *image)
{
    *env = (struct func_env){.types = session->types, .cancel = &session->cancel};
    env->types.arena = arena;
    env->types.now_us = session->transaction_start_us;
    env->transaction_start_us = session->transaction_start_us;
    env->statement_start_us = atomic_load_explicit(&session->statement_us, memory_order_relaxed) -
                              DATETIME_UNIX_TO_2000_US;
    session->catalog_env.image = image;
    session->catalog_env.path = &session->path;
    session->catalog_env.txn = session->txn == NULL ? NULL : access_storage_txn(session->txn);
    env->self = &session->catalog_env;
    env->random = session->random;
    env->types.reg = &session->reg;
}

void
session_bind_context(struct session *session, struct bind_context *context, struct ky_arena *arena,
                     const struct cat_image *image, struct func_env *env,
                     const struct plan_source *source)
{
    session_env(session, env, arena, image);
    *context = (struct bind_context){
        .arena = arena,
        .image = image,
        .path = &session->path,
        .env = env,
        .sql = source == NULL ? NULL : source->sql.data,
        .sql_size = source == NULL ? 0 : source->sql.size,
        .user = session->user,
        .session_user = session->session_user,
        .database = session->database,
    };
    if (source != NULL) {
        context->param_types = source->param_types;
        context->param_count = source->param_count;
        context->param_capacity = source->param_capacity;
        context->can_infer_params = source->can_infer_params;
        context->variables = source->variables;
        context->changes_matviews = source->changes_matviews;
    }
}

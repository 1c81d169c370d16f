/* SPDX-License-Identifier: Apache-2.0 */
#include "server/access/inverted.h"
#include "server/base/assert.h"
#include "server/session/rights.h"

/*
 * A statement and its plan, which is kept while the catalog and the settings stay. Portals that are
 * half way through an older plan keep that one alive.
 */

bool
source_is_query(const struct ast_node *tree)
{
    return tree->kind == AST_SELECT || tree->kind == AST_INSERT || tree->kind == AST_UPDATE ||
           tree->kind == AST_DELETE || tree->kind == AST_MERGE;
}

void
source_init(struct plan_source *source, struct ky_arena *arena)
{
    *source = (struct plan_source){.arena = arena};
    ky_arena_init(&source->plan_arena);
}

static void
forget_old_plans(struct plan_source *source)
{
    while (source->old_plans != NULL) {
        struct old_plan *old = source->old_plans;
        source->old_plans = old->next;
        cat_image_release(old->image);
        ky_arena_deinit(&old->arena);
        ky_free(old);
    }
}

/* Portals that were bound before may be half way through the plan, or show its columns. */
static void
keep_old_plan(struct plan_source *source)
{
    struct old_plan *old = ky_malloc(sizeof(*old));
    *old = (struct old_plan){source->old_plans, source->plan_arena, source->image};
    source->old_plans = old;
    source->image = NULL;
    ky_arena_init(&source->plan_arena);
}

static void
source_forget(struct plan_source *source)
{
    portal_forget_spare(source);
    if (source->portal_count > 0 && source->plan != NULL) {
        keep_old_plan(source);
    }
    cat_image_release(source->image);
    source->image = NULL;
    for (size_t i = 0; i < KY_COUNT_OF(source->query_images); i++) {
        cat_image_release(source->query_images[i]);
        source->query_images[i] = NULL;
    }
    source->plan = NULL;
    source->query = NULL;
    source->denial = NULL;
    ky_arena_reset(&source->plan_arena);
}

void
source_deinit(struct plan_source *source)
{
    KY_ASSERT(source->portal_count == 0);
    source_forget(source);
    forget_old_plans(source);
    ky_arena_deinit(&source->plan_arena);
}

void
source_bound(struct portal *portal)
{
    portal->is_bound = true;
    portal->source->portal_count++;
}

void
source_unbound(struct portal *portal)
{
    if (portal->is_bound && --portal->source->portal_count == 0) {
        forget_old_plans(portal->source);
    }
}

static void
source_columns(struct plan_source *source)
{
    const struct statement_plan *plan = source->plan;
    uint16_t count = 0;
    for (uint16_t i = 0; i < plan->target_count; i++) {
        count = (uint16_t)(count + !plan->targets[i].is_hidden);
    }
    source->columns = ky_arena_array(&source->plan_arena, struct result_column, count + 1U);
    source->column_count = 0;
    for (uint16_t i = 0; i < plan->target_count; i++) {
        const struct target *target = &plan->targets[i];
        if (!target->is_hidden) {
            source->columns[source->column_count++] = (struct result_column){
                .name = target->name,
                .table = target->origin_table,
                .column = target->origin_column,
                .type = target->expr->type,
                .typmod = target->expr->typmod,
            };
        }
    }
    source->has_rows = plan->kind == QUERY_SELECT || plan->kind == QUERY_VALUES ||
                       plan->kind == QUERY_SET_OPERATION || source->query->has_returning;
}

static void
plan_settings(struct session *session, struct plan_context *context)
{
    const struct settings *settings = &session->settings;
    context->is_seqscan_enabled = settings_bool(settings, SETTING_ENABLE_SEQSCAN);
    context->is_indexscan_enabled = settings_bool(settings, SETTING_ENABLE_INDEXSCAN);
    context->is_bitmapscan_enabled = settings_bool(settings, SETTING_ENABLE_BITMAPSCAN);
    context->is_hashjoin_enabled = settings_bool(settings, SETTING_ENABLE_HASHJOIN);
    context->is_nestloop_enabled = settings_bool(settings, SETTING_ENABLE_NESTLOOP);
    context->is_sort_enabled = settings_bool(settings, SETTING_ENABLE_SORT);
}

static double
match_rows(void *arg, const struct cat_index *index, uint16_t key, enum gin_strategy strategy,
           struct datum value)
{
    const struct inverted_condition condition = {.key = key, .strategy = strategy, .value = value};
    return access_inverted_rows(arg, index, &condition);
}

/* Before the planner changes the query; whoever runs it gets to know. */
static void
find_denial(struct plan_source *source, const struct cat_image *image, oid_t role)
{
    struct ky_error denial;
    ky_error_init(&denial);
    if (rights_check_query(image, role, source->query, &denial) != KY_OK) {
        source->denial = ky_arena_new(&source->plan_arena, struct ky_error);
        *source->denial = denial;
    }
}

ky_status
source_check_rights(const struct plan_source *source, struct ky_error *err)
{
    if (KY_LIKELY(source->denial == NULL)) {
        return KY_OK;
    }
    *err = *source->denial;
    return KY_ERR;
}

static ky_status
source_bind_and_plan(struct session *session, struct plan_source *source, struct cat_image *image,
                     struct ky_error *err)
{
    struct bind_context bind;
    struct func_env env;
    session_bind_context(session, &bind, &source->plan_arena, image, &env, source);
    bind.role = source->is_internal ? OID_NONE : session_limited_role(session);
    if (source->query_made == NULL) {
        KY_TRY(bind_query(&bind, source->tree, &source->query, err));
        source->param_types = bind.param_types;
        source->param_count = bind.param_count;
    } else {
        source->query = source->query_made;
    }
    source->denial = NULL;
    if (bind.role != OID_NONE) {
        find_denial(source, image, bind.role);
    }
    struct plan_context context = {.arena = &source->plan_arena,
                                   .image = image,
                                   .storage = server_storage(session->server),
                                   .env = &env,
                                   .match_rows = match_rows,
                                   .match_arg = server_access(session->server)};
    plan_settings(session, &context);
    KY_TRY(plan_query(&context, source->query, &source->plan, err));
    source_columns(source);
    return KY_OK;
}

/* Nothing that the plan depends on has changed, found out without taking the catalog's lock. */
static bool
is_plan_good(const struct session *session, const struct plan_source *source)
{
    const uint64_t settings = session->settings.version;
    return source->plan != NULL && !session->has_catalog_changes &&
           source->settings_version == settings && session->path_version == settings &&
           session->path_image == source->image->number &&
           catalog_is_current(server_catalog(session->server), source->image);
}

ky_status
source_plan(struct session *session, struct plan_source *source, struct ky_error *err)
{
    struct cat_image *image;
    KY_TRY(transaction_ensure(session, err));
    if (KY_LIKELY(is_plan_good(session, source))) {
        return KY_OK;
    }
    KY_TRY(session_image(session, &image, err));
    if (source->plan != NULL && source->image == image &&
        source->settings_version == session->settings.version) {
        cat_image_release(image);
        return KY_OK;
    }
    if (source->query_made == NULL) {
        source_forget(source);
    }
    cat_image_release(source->image);
    source->image = image;
    source->settings_version = session->settings.version;
    if (source_bind_and_plan(session, source, image, err) != KY_OK) {
        source->plan = NULL;
        return KY_ERR;
    }
    return KY_OK;
}

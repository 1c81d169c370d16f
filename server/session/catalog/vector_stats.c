/* SPDX-License-Identifier: Apache-2.0 */
#include "server/catalog/opclass.h"
#include "server/catalog/sysview.h"
#include "server/session/catalog/vector_info.h"
#include "server/session/session_private.h"

/* kyro_stat_vector_index: what each vector index is made of and how well it finds; kyro_recall:
 * the same measured now. */

static const struct sysview_column columns[] = {
    {"indexrelid", OID_OID},
    {"schemaname", OID_NAME},
    {"relname", OID_NAME},
    {"indexrelname", OID_NAME},
    {"dimensions", OID_INT4},
    {"distance", OID_TEXT},
    {"m", OID_INT4},
    {"ef_construction", OID_INT4},
    {"state", OID_TEXT},
    {"codec", OID_TEXT},
    {"is_codec_exact", OID_BOOL},
    {"entries", OID_INT8},
    {"nodes", OID_INT8},
    {"dead_nodes", OID_INT8},
    {"delta_entries", OID_INT8},
    {"links", OID_INT8},
    {"levels", OID_INT4},
    {"bytes", OID_INT8},
    {"searches", OID_INT8},
    {"exact_searches", OID_INT8},
    {"widened_searches", OID_INT8},
    {"ef_sum", OID_INT8},
    {"visited", OID_INT8},
    {"reranked", OID_INT8},
    {"tested", OID_INT8},
    {"passed", OID_INT8},
    {"builds", OID_INT8},
    {"builds_refused", OID_INT8},
    {"unreachable_repaired", OID_INT8},
    {"recall_samples", OID_INT8},
    {"recall_estimate", OID_FLOAT8},
    {"calibration", OID_TEXT},
};

static const char *
codec_name(enum vector_codec codec)
{
    static const char *const names[] = {"none", "values", "byte", "sign"};
    return names[codec];
}

/* "40:0.953 80:0.981": recall of ten at some ef. */
static struct datum
calibration_text(struct ky_arena *arena, const struct collection_stats *stats)
{
    const char *text = "";
    for (size_t i = 0; i < KY_COUNT_OF(stats->calibration_ef); i++) {
        if (stats->calibration_ef[i] > 0) {
            text = ky_arena_printf(arena, "%s%s%u:%.3f", text, text[0] == '\0' ? "" : " ",
                                   stats->calibration_ef[i], (double)stats->calibration_recall[i]);
        }
    }
    return text[0] == '\0' ? datum_null() : datum_cstr(text);
}

static void
add_row(void *arg, const struct cat_image *image, const struct vector_info *info)
{
    struct sysview_rows *rows = arg;
    const struct cat_index *index = info->index;
    const struct vector_options *options = &info->options;
    const struct collection_stats *stats = &info->stats;
    const struct access_vector_totals *totals = &info->totals;
    const struct cat_opclass *opclass = cat_index_opclass(index);
    const struct cat_schema *schema = cat_get_schema(image, index->table->schema);
    const struct datum values[] = {
        datum_word(index->oid),
        datum_cstr(schema == NULL ? "" : schema->name),
        datum_cstr(index->table->name),
        datum_cstr(index->name),
        datum_word(options->dimension),
        opclass == NULL ? datum_null() : datum_cstr(cat_distance_operator(opclass->distance)),
        datum_word(options->m),
        datum_word(options->ef_construction),
        datum_cstr(stats->is_building ? "building"
                   : stats->has_graph ? "graph"
                                      : "exact"),
        datum_cstr(codec_name(stats->codec)),
        datum_word(stats->is_codec_exact),
        datum_word((int64_t)stats->entries),
        datum_word((int64_t)stats->nodes),
        datum_word((int64_t)stats->dead_nodes),
        datum_word((int64_t)stats->delta_entries),
        datum_word((int64_t)stats->links),
        datum_word(stats->has_graph ? (int64_t)stats->level_max + 1 : 0),
        datum_word((int64_t)stats->bytes),
        datum_word((int64_t)totals->searches),
        datum_word((int64_t)totals->exact),
        datum_word((int64_t)totals->widened),
        datum_word((int64_t)totals->ef),
        datum_word((int64_t)totals->visited),
        datum_word((int64_t)totals->reranked),
        datum_word((int64_t)totals->tested),
        datum_word((int64_t)totals->passed),
        datum_word((int64_t)stats->builds),
        datum_word((int64_t)stats->builds_refused),
        datum_word((int64_t)stats->unreachable_repaired),
        datum_word(stats->recall_samples),
        stats->recall_samples == 0 ? datum_null() : datum_real(stats->recall_estimate),
        calibration_text(rows->arena, stats),
    };
    _Static_assert(KY_COUNT_OF(values) == KY_COUNT_OF(columns), "a value for each column");
    memcpy(sysview_add(rows), values, sizeof(values));
}

void
vector_info_each(struct server *server, const struct cat_image *image, vector_info_visit visit,
                 void *arg)
{
    for (size_t i = 0; i < image->table_count; i++) {
        const struct cat_table *table = image->tables[i];
        for (uint16_t k = 0; k < table->index_count; k++) {
            struct vector_info info = {.index = table->indexes[k]};
            if (cat_is_vector_method(info.index->method) &&
                access_vector_stats(server_access(server), info.index->oid, &info.options,
                                    &info.stats, &info.totals)) {
                visit(arg, image, &info);
            }
        }
    }
}

static ky_status
fill(const struct sysview_context *context, struct sysview_rows *rows, struct ky_error *err)
{
    const struct session *session = context->session;
    (void)err;
    vector_info_each(session->server, context->image, add_row, rows);
    return KY_OK;
}

static const struct sysview view = {
    .oid = 14920,
    .schema = OID_SCHEMA_PG_CATALOG,
    .name = "kyro_stat_vector_index",
    .kind = 'v',
    .columns = columns,
    .column_count = KY_COUNT_OF(columns),
    .fill = fill,
};

/* kyro_recall(index regclass, k int, ef int, queries int): nulls are defaults. */
static ky_status
kyro_recall(struct func_env *env, const struct datum *args, int arg_count, struct datum *out,
            struct ky_error *err)
{
    const struct catalog_env *catalog = env->self;
    struct session *session = catalog->session;
    const int64_t k = arg_count > 1 && !args[1].is_null ? args[1].word : 10;
    const int64_t ef = arg_count > 2 && !args[2].is_null
                           ? args[2].word
                           : settings_int(&session->settings, SETTING_HNSW_EF_SEARCH);
    const int64_t queries = arg_count > 3 && !args[3].is_null ? args[3].word : 100;
    double recall = 0;
    *out = datum_null();
    if (args[0].is_null) {
        return KY_OK;
    }
    if (k < 1 || k > 1000 || ef < 0 || ef > EXEC_VECTOR_EF_MAX || queries < 1 || queries > 10000) {
        return ky_error_set(err, KY_INVALID_PARAMETER_VALUE,
                            "k must be 1 to 1000, ef 0 to %d, queries 1 to 10000",
                            (int)EXEC_VECTOR_EF_MAX);
    }
    const struct cat_index *index = cat_get_index(catalog->image, (oid_t)args[0].word);
    if (index == NULL || !cat_is_vector_method(index->method)) {
        return ky_error_set(err, KY_WRONG_OBJECT_TYPE, "%u is not a vector index",
                            (oid_t)args[0].word);
    }
    KY_TRY(access_vector_recall(server_access(session->server), index, (uint32_t)k, (uint32_t)ef,
                                (float)session->settings.reals[SETTING_TARGET_RECALL],
                                (uint32_t)queries, &recall, err));
    *out = datum_real(recall);
    return KY_OK;
}

static const oid_t recall_args[] = {OID_REGCLASS, OID_INT4, OID_INT4, OID_INT4};
static const struct func funcs[] = {
    {.oid = 15402,
     .name = "kyro_recall",
     .result = OID_FLOAT8,
     .arg_count = 4,
     .default_count = 3,
     .args = recall_args,
     .volatility = 'v',
     .kind = FUNC_SCALAR,
     .scalar = kyro_recall},
};

void
session_vector_register(void)
{
    static const struct sysview *const views[] = {&view};
    sysview_register(views, KY_COUNT_OF(views));
    func_register(funcs, KY_COUNT_OF(funcs));
}

/* SPDX-License-Identifier: Apache-2.0 */
#include <inttypes.h>
#include <stdio.h>

#include "server/sql/plan/explain.h"

/* The numbers of EXPLAIN: what the planner thought, what ANALYZE explain_measured. */

const struct explain_actual *
explain_measured(const struct explain *explain, const struct plan *node)
{
    const struct explain_actual *actual =
        explain->options->is_analyze ? explain->lookup(explain->arg, node) : NULL;
    return actual != NULL && actual->loops > 0 ? actual : NULL;
}

void
explain_write_numbers(struct explain *explain, const struct plan *node)
{
    const struct explain_options *options = explain->options;
    struct ky_buffer *out = explain->out.to;
    if (options->has_costs) {
        ky_buffer_printf(out, "  (cost=%.2f..%.2f rows=%.0f width=%d)", node->startup_cost,
                         node->total_cost, node->rows, node->width);
    }
    if (!options->is_analyze) {
        return;
    }
    const struct explain_actual *actual = explain_measured(explain, node);
    if (actual == NULL) {
        ky_buffer_append_cstr(out, " (never executed)");
        return;
    }
    double loops = (double)actual->loops;
    if (options->has_timing) {
        ky_buffer_printf(out, " (actual time=%.3f..%.3f rows=%.0f loops=%.0f)",
                         actual->startup_ms / loops, actual->total_ms / loops,
                         (double)actual->rows / loops, loops);
    } else {
        ky_buffer_printf(out, " (actual rows=%.0f loops=%.0f)", (double)actual->rows / loops,
                         loops);
    }
}

/* The same as properties. A node that never ran has zeros. */
void
explain_tell_numbers(struct explain *explain, const struct plan *node)
{
    static const struct explain_actual none;
    const struct explain_options *options = explain->options;
    struct explain_out *out = &explain->out;
    if (options->has_costs) {
        explain_real(out, "Startup Cost", "", 2, node->startup_cost);
        explain_real(out, "Total Cost", "", 2, node->total_cost);
        explain_real(out, "Plan Rows", "", 0, node->rows);
        explain_integer(out, "Plan Width", "", (uint64_t)KY_MAX(node->width, 0));
    }
    if (!options->is_analyze) {
        return;
    }
    const struct explain_actual *actual = explain_measured(explain, node);
    double loops = actual == NULL ? 1.0 : (double)actual->loops;
    actual = actual == NULL ? &none : actual;
    if (options->has_timing) {
        explain_real(out, "Actual Startup Time", "", 3, actual->startup_ms / loops);
        explain_real(out, "Actual Total Time", "", 3, actual->total_ms / loops);
    }
    explain_real(out, "Actual Rows", "", 0, (double)actual->rows / loops);
    explain_integer(out, "Actual Loops", "", actual->loops);
}

/* An operator's note, "Sort Method: quicksort  Memory: 25kB", as a property for each part; a part
 * without a colon is words of the form name=value. */
static void
tell_note(struct explain *explain, const char *note)
{
    while (*note != '\0') {
        const char *end = strstr(note, "  ");
        size_t size = end == NULL ? strlen(note) : (size_t)(end - note);
        const char *mark = memmem(note, size, ": ", 2);
        size_t mark_size = 2;
        char label[64];
        if (mark == NULL) {
            const char *word_end = memchr(note, ' ', size);
            size = word_end == NULL ? size : (size_t)(word_end - note);
            mark = memchr(note, '=', size);
            mark_size = 1;
        }
        if (mark != NULL) {
            size_t label_size = (size_t)(mark - note);
            struct ky_slice value = {(const uint8_t *)mark + mark_size,
                                     size - label_size - mark_size};
            (void)snprintf(label, sizeof(label), "%.*s", (int)KY_MIN(label_size, sizeof(label) - 1),
                           note);
            explain_text(&explain->out, label, value);
        }
        note += size;
        note += strspn(note, " ");
    }
}

static void
tell_merged(struct explain *explain, const struct explain_actual *actual)
{
    const struct {
        const char *word, *label;
        uint64_t count;
    } counts[] = {{"inserted", "Tuples Inserted", actual->inserted},
                  {"updated", "Tuples Updated", actual->updated},
                  {"deleted", "Tuples Deleted", actual->deleted},
                  {"skipped", "Tuples Skipped", actual->skipped}};
    bool is_first = true;
    for (size_t i = 0; i < KY_COUNT_OF(counts); i++) {
        if (!explain_is_text(&explain->out)) {
            explain_integer(&explain->out, counts[i].label, "", counts[i].count);
            continue;
        }
        if (counts[i].count == 0) {
            continue;
        }
        if (is_first) {
            explain_line(&explain->out);
            ky_buffer_append_cstr(explain->out.to, "Tuples:");
            is_first = false;
        }
        ky_buffer_printf(explain->out.to, " %s=%" PRIu64, counts[i].word, counts[i].count);
    }
}

void
explain_tell_measured(struct explain *explain, const struct plan *node)
{
    const struct explain_actual *actual = explain_measured(explain, node);
    if (actual == NULL) {
        return;
    }
    if (node->filter != NULL && (actual->removed > 0 || !explain_is_text(&explain->out))) {
        const bool is_recheck = node->kind == PLAN_BITMAP_SCAN && node->scan.rest == NULL;
        explain_integer(&explain->out,
                        is_recheck ? "Rows Removed by Index Recheck" : "Rows Removed by Filter", "",
                        actual->removed / actual->loops);
    }
    if (node->kind == PLAN_MERGE) {
        tell_merged(explain, actual);
    }
    if (actual->note[0] == '\0') {
        return;
    }
    if (explain_is_text(&explain->out)) {
        explain_line(&explain->out);
        ky_buffer_append_cstr(explain->out.to, actual->note);
    } else {
        tell_note(explain, actual->note);
    }
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "server/exec/eval/eval_private.h"

/* Values that become a domain's: they are what they were, or an error. */

static ky_status
refuse_null(const struct expr_domain *domain, struct ky_error *err)
{
    (void)ky_error_set(err, KY_NOT_NULL_VIOLATION, "domain %s does not allow null values",
                       domain->shown);
    ky_error_name(err->schema_name, domain->schema);
    ky_error_name(err->type_name, domain->name);
    return KY_ERR;
}

static ky_status
refuse_value(const struct expr_domain *domain, const char *check, struct ky_error *err)
{
    (void)ky_error_set(err, KY_CHECK_VIOLATION,
                       "value for domain %s violates check constraint \"%s\"", domain->shown,
                       check);
    ky_error_name(err->schema_name, domain->schema);
    ky_error_name(err->type_name, domain->name);
    ky_error_name(err->constraint_name, check);
    return KY_ERR;
}

EVAL_RUN(eval_run_domain)
{
    const struct expr_domain *domain = eval->expr->constraint;
    const struct column *values = NULL;
    KY_TRY(eval_column(eval->args[0], input, selection, count, &values, err));
    for (uint32_t row = 0; domain->is_not_null && row < count; row++) {
        if (values->is_null[eval_place(selection, row)]) {
            return refuse_null(domain, err);
        }
    }
    struct column value = *values;
    const struct eval_input own = {&value, 1, input->arena};
    for (uint16_t i = 0; i < domain->check_count; i++) {
        const struct column *answers = NULL;
        KY_TRY(eval_column(eval->checks[i], &own, selection, count, &answers, err));
        for (uint32_t row = 0; row < count; row++) {
            const uint32_t place = eval_place(selection, row);
            if (!answers->is_null[place] && answers->word[place] == 0) {
                return refuse_value(domain, domain->check_names[i], err);
            }
        }
    }
    *column_out = values;
    return KY_OK;
}

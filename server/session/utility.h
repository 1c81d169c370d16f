/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "server/session/session_private.h"

/* What the files of utility statements share. A handler fills session->tag. */

/* Columns go out once, with the portal's formats. */
void utility_send_columns(struct portal *portal, struct result_sink *sink);
/* A portal of its own for a statement inside a statement; its source lives in the outer portal's
 * arena. */
struct portal *utility_inner_portal(struct session *session, struct portal *outer,
                                    const struct ast_node *tree);
/* One value as text: words, strings, numbers. */
KY_MUST_CHECK ky_status utility_value_text(const struct ast_node *value, struct ky_buffer *out,
                                           struct ky_error *err);

/* utility_set.c */
/* The value that SET names, as it is kept, with a zero byte. */
KY_MUST_CHECK ky_status utility_set_text(const struct ast_set *set, struct ky_buffer *text,
                                         struct ky_error *err);
KY_MUST_CHECK ky_status utility_set(struct session *session, const struct ast_set *set,
                                    struct ky_error *err);
KY_MUST_CHECK ky_status utility_show(struct session *session, struct portal *portal,
                                     const struct ast_show *show, struct result_sink *sink,
                                     struct ky_error *err);
KY_MUST_CHECK ky_status utility_discard(struct session *session, const struct ast_discard *discard,
                                        struct ky_error *err);

/* utility_explain.c */
bool utility_explain_is_json(const struct ast_explain *explain);
KY_MUST_CHECK ky_status utility_explain(struct session *session, struct portal *outer,
                                        const struct ast_explain *explain, struct result_sink *sink,
                                        enum utility_answer *answer_out, struct ky_error *err);

/* utility_prepare.c */
KY_MUST_CHECK ky_status utility_prepare(struct session *session, const struct portal *outer,
                                        const struct ast_prepare *prepare, struct ky_error *err);
KY_MUST_CHECK ky_status utility_execute(struct session *session, struct portal *outer,
                                        const struct ast_execute *execute,
                                        struct portal **portal_out, struct ky_error *err);
KY_MUST_CHECK ky_status utility_deallocate(struct session *session,
                                           const struct ast_deallocate *deallocate,
                                           struct ky_error *err);

/* utility_fill.c: makes a relation, or its rows, by a query, which is the portal to run. */
KY_MUST_CHECK ky_status utility_create_table_as(struct session *session, struct portal *outer,
                                                const struct ast_create_table_as *create,
                                                enum utility_answer *answer_out,
                                                struct ky_error *err);
KY_MUST_CHECK ky_status utility_refresh(struct session *session, struct portal *outer,
                                        const struct ast_refresh *refresh,
                                        enum utility_answer *answer_out, struct ky_error *err);

/* cursor.c */
KY_MUST_CHECK ky_status cursor_declare(struct session *session, const struct portal *outer,
                                       const struct ast_declare_cursor *declare,
                                       enum utility_answer *answer_out, struct ky_error *err);
KY_MUST_CHECK ky_status cursor_fetch(struct session *session, struct portal *outer,
                                     const struct ast_fetch *fetch, struct result_sink *sink,
                                     enum utility_answer *answer_out, struct ky_error *err);
KY_MUST_CHECK ky_status cursor_close(struct session *session, const struct ast_close *close,
                                     struct ky_error *err);

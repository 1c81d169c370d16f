/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "server/session/session_private.h"

/* LISTEN, NOTIFY, UNLISTEN. All of a transaction takes effect when it has committed. */
enum {
    NOTIFY_CHANNEL_SIZE = 64,
    NOTIFY_PAYLOAD_SIZE_MAX = 8000,
    NOTIFY_QUEUE_SIZE_MAX = 256 * 1024 * 1024, /* of what all listeners have not taken */
};

/* NOTIFY and pg_notify(). 22023, 54000. */
KY_MUST_CHECK ky_status notify_send(struct session *session, const char *channel,
                                    const char *payload, struct ky_error *err);
KY_MUST_CHECK ky_status notify_listen(struct session *session, const char *channel,
                                      struct ky_error *err);
/* channel NULL: all. */
void notify_unlisten(struct session *session, const char *channel);
void notify_mark(const struct session *session, struct notify_mark *mark_out);
void notify_rewind(struct session *session, const struct notify_mark *mark);
/* The transaction committed, or did not. */
void notify_commit(struct session *session);
void notify_abort(struct session *session);
/* The session ends. */
void notify_close(struct session *session);
/* Channels listened to; names are copied into arena. */
const char **notify_channels(struct session *session, struct ky_arena *arena, uint32_t *count_out);
double notify_usage(struct session *session);

/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "server/base/buffer.h"
#include "server/session/session.h"

/*
 * The event log as JSON, for consumers outside SQL. Row changes and appended events share one
 * sequence of offsets; what a consumer sees is durable.
 */

/* What to leave out. Empty strings: nothing. Names as "schema.table" or "table". */
struct event_filter {
    char table[160];
    char type[16]; /* insert, update, delete, event */
};

struct event_stream;
/* Starts at an offset; a later one than the newest waits for it. */
struct event_stream *event_stream_open(struct server *server, uint64_t from,
                                       const struct event_filter *filter);
void event_stream_close(struct event_stream *stream);

enum event_stream_answer {
    EVENT_STREAM_EVENT,   /* one event was appended to out */
    EVENT_STREAM_SKIPPED, /* one was left out by the filter; *offset_out is its offset */
    EVENT_STREAM_END,     /* caught up */
    EVENT_STREAM_GONE,    /* the offset is below server_earliest_event */
};
/* Appends the next event as one JSON object without a line break:
 * {"offset":5,"type":"insert","table":"public.t","row":{...},"txid":7,"lsn":"0/1A0","time":"...","last":true}
 * {"offset":6,"type":"event","id":"a","payload":...,...}. type_out: its type's word. */
KY_MUST_CHECK ky_status event_stream_next(struct event_stream *stream, struct ky_buffer *out,
                                          uint64_t *offset_out, const char **type_out,
                                          enum event_stream_answer *answer_out,
                                          struct ky_error *err);
uint64_t server_next_event(struct server *server);
uint64_t server_earliest_event(struct server *server);
lsn_t server_visible_lsn(struct server *server);
bool server_has_space(struct server *server);
/* Drops what history is not promised any more, and rewrites files that are mostly dead. */
struct server_compaction {
    uint64_t segments_dropped;
    uint64_t files_removed; /* base files */
    uint64_t files_written;
    uint64_t rows_moved;
    uint64_t bytes_written;
    uint64_t bytes_freed;
};
KY_MUST_CHECK ky_status server_compact(struct server *server, struct server_compaction *result_out,
                                       struct ky_error *err);
/* Has learned indexes of this name (NULL: all) rebuilt in the background; how many. */
KY_MUST_CHECK ky_status server_rebuild_indexes(struct server *server, const char *name,
                                               uint32_t *count_out, struct ky_error *err);
KY_MUST_CHECK ky_status server_checkpoint(struct server *server, lsn_t *lsn_out,
                                          struct ky_error *err);
/* Copies everything durable to a directory of this machine; see storage_backup. */
struct backup_result;
KY_MUST_CHECK ky_status server_backup(struct server *server, const char *directory,
                                      struct backup_result *result_out, struct ky_error *err);
/* Checks every checksum of a closed data directory; appends each damage as a JSON string with a
 * comma after all but the last. */
KY_MUST_CHECK ky_status server_verify(const char *directory, struct ky_buffer *damages,
                                      uint64_t *count_out, struct ky_error *err);

/* A value as JSON: numbers and booleans bare (NaN and infinities as strings), json as itself,
 * arrays and vectors as arrays, the rest as strings. */
void event_write_value(struct ky_buffer *out, const struct type_context *types,
                       const struct type *type, struct datum value);

/* Something became durable: main's storage option calls it, from the log writer's thread. */
void server_notify_visible(struct server *server);
/* The one listener; called on the log writer's thread, must only schedule. NULL: none. */
void server_set_visible_listener(struct server *server, void (*listener)(void *arg), void *arg);

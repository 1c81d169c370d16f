/* SPDX-License-Identifier: Apache-2.0 */
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>
#include <event2/http.h>
#include <inttypes.h>

#include "server/base/assert.h"
#include "server/base/clock.h"
#include "server/base/log.h"
#include "server/base/metric.h"
#include "server/http/http_private.h"

/*
 * Server-sent events from the log by position. A subscriber has no queue: a worker reads a piece
 * of the log for it, the loop sends that, and only when the socket has taken it is the next
 * piece read. A slow client lags; one that takes nothing for SUBSCRIBE_STALL_MS is closed.
 *
 * Who owns it: the loop, except `stream` and `out` while is_reading.
 */
enum {
    SUBSCRIBE_PIECE_SIZE = 64 * 1024,
    SUBSCRIBE_PIECE_EVENTS = 2000, /* looked at for one piece: filters must not hold a worker */
    SUBSCRIBE_HEARTBEAT_MS = 15000,
    SUBSCRIBE_STALL_MS = 30000,
};

KY_METRIC(subscribers, "kyrodb_subscribers", NULL, KY_GAUGE, "Event streams open.")
KY_METRIC(events_sent, "kyrodb_events_sent_total", NULL, KY_COUNTER, "Events sent to subscribers.")

struct subscriber {
    struct ky_list link;
    struct http *http;
    struct evhttp_request *request;
    struct event_stream *stream;
    struct pool_job job;
    struct loop_timer timer;
    struct ky_buffer out;
    bool is_reading;   /* a worker has it */
    bool is_sending;   /* the socket has not taken everything yet */
    bool is_closed;    /* the client went away */
    bool is_ended;     /* close when sent */
    bool is_caught_up; /* waits for the log to grow */
    bool is_woken;     /* the log grew while it was reading */
    int64_t sent_ns;   /* when the socket last took something */
};

static void subscriber_go_on(struct subscriber *subscriber);

static void
subscriber_free(struct subscriber *subscriber)
{
    struct http *http = subscriber->http;
    KY_ASSERT(!subscriber->is_reading);
    ky_list_remove(&subscriber->link);
    http->subscriber_count--;
    ky_metric_add(&subscribers, -1);
    loop_timer_stop(&subscriber->timer);
    event_stream_close(subscriber->stream);
    ky_buffer_deinit(&subscriber->out);
    ky_free(subscriber);
    http_busy(http, -1);
}

/* Ends the stream from our side. */
static void
subscriber_end(struct subscriber *subscriber)
{
    struct evhttp_connection *connection = evhttp_request_get_connection(subscriber->request);
    if (connection != NULL) {
        evhttp_connection_set_closecb(connection, NULL, NULL);
    }
    evhttp_send_reply_end(subscriber->request);
    subscriber_free(subscriber);
}

static void
client_gone(struct evhttp_connection *connection, void *arg)
{
    struct subscriber *subscriber = arg;
    (void)connection;
    subscriber->is_closed = true;
    if (!subscriber->is_reading) {
        subscriber_free(subscriber);
    }
}

static void
chunk_sent(struct evhttp_connection *connection, void *arg)
{
    struct subscriber *subscriber = arg;
    (void)connection;
    subscriber->is_sending = false;
    subscriber->sent_ns = ky_monotonic_ns();
    if (subscriber->is_ended) {
        subscriber_end(subscriber);
        return;
    }
    subscriber_go_on(subscriber);
}

static void
send_out(struct subscriber *subscriber)
{
    struct evbuffer *chunk = evbuffer_new();
    (void)evbuffer_add(chunk, subscriber->out.data, subscriber->out.size);
    ky_buffer_clear(&subscriber->out);
    if (!subscriber->is_sending) {
        subscriber->sent_ns = ky_monotonic_ns();
    }
    subscriber->is_sending = true;
    evhttp_send_reply_chunk_with_cb(subscriber->request, chunk, chunk_sent, subscriber);
    evbuffer_free(chunk);
}

/* ------------------------------------------------------------------ reading, on a worker */

static void
read_done(void *arg)
{
    struct subscriber *subscriber = arg;
    subscriber->is_reading = false;
    if (subscriber->is_closed) {
        subscriber_free(subscriber);
        return;
    }
    if (subscriber->out.size > 0) {
        send_out(subscriber);
    } else if (subscriber->is_ended) {
        subscriber_end(subscriber);
    } else {
        subscriber_go_on(subscriber);
    }
}

static void
write_gone(struct subscriber *subscriber)
{
    ky_buffer_printf(&subscriber->out, "event: gone\ndata: {\"earliest\":%" PRIu64 "}\n\n",
                     server_earliest_event(subscriber->http->server));
    subscriber->is_ended = true;
}

/* One piece of the log. A filtered-out run ends with a position, so that the client's moves on. */
static void
read_piece(void *arg)
{
    struct subscriber *subscriber = arg;
    struct ky_buffer *out = &subscriber->out;
    struct ky_buffer event = {0};
    uint64_t skipped = UINT64_MAX;
    subscriber->is_caught_up = false;
    for (int i = 0; i < SUBSCRIBE_PIECE_EVENTS && out->size < SUBSCRIBE_PIECE_SIZE; i++) {
        enum event_stream_answer answer;
        struct ky_error err;
        const char *type = "";
        uint64_t offset = 0;
        ky_error_init(&err);
        ky_buffer_clear(&event);
        if (event_stream_next(subscriber->stream, &event, &offset, &type, &answer, &err) != KY_OK) {
            ky_log(ERROR, "http", "event stream failed: %s", err.message);
            subscriber->is_ended = true;
            break;
        }
        if (answer == EVENT_STREAM_END) {
            subscriber->is_caught_up = true;
            break;
        }
        if (answer == EVENT_STREAM_GONE) {
            write_gone(subscriber);
            break;
        }
        skipped = answer == EVENT_STREAM_SKIPPED ? offset : UINT64_MAX;
        if (answer == EVENT_STREAM_EVENT) {
            ky_buffer_printf(out, "id: %" PRIu64 "\nevent: %s\ndata: %.*s\n\n", offset, type,
                             (int)event.size, (const char *)event.data);
            ky_metric_add(&events_sent, 1);
        }
    }
    if (skipped != UINT64_MAX) {
        ky_buffer_printf(out, "id: %" PRIu64 "\nevent: checkpoint\ndata: {}\n\n", skipped);
    }
    ky_buffer_deinit(&event);
    loop_post(subscriber->http->options.loop, read_done, subscriber);
}

/* Reads on if there is something to read and the socket is free. */
static void
subscriber_go_on(struct subscriber *subscriber)
{
    if (subscriber->is_reading || subscriber->is_sending ||
        (subscriber->is_caught_up && !subscriber->is_woken)) {
        return;
    }
    subscriber->is_woken = false;
    subscriber->is_reading = true;
    pool_submit(subscriber->http->options.pool, &subscriber->job, POOL_LONG);
}

/* ------------------------------------------------------------------ life, on the loop */

static void
heartbeat(void *arg)
{
    struct subscriber *subscriber = arg;
    if (subscriber->is_sending &&
        ky_monotonic_ns() - subscriber->sent_ns > SUBSCRIBE_STALL_MS * INT64_C(1000000)) {
        struct evhttp_connection *connection = evhttp_request_get_connection(subscriber->request);
        ky_log(INFO, "http", "subscriber closed: it takes nothing");
        if (connection != NULL) {
            evhttp_connection_free(connection); /* calls client_gone */
        }
        return;
    }
    if (!subscriber->is_sending && !subscriber->is_reading) {
        ky_buffer_append_cstr(&subscriber->out, ": heartbeat\n\n");
        send_out(subscriber);
    }
}

void
subscribe_start(struct http *http, struct evhttp_request *request, uint64_t from,
                const struct event_filter *filter)
{
    struct subscriber *subscriber = ky_calloc(1, sizeof(*subscriber));
    struct evkeyvalq *headers = evhttp_request_get_output_headers(request);
    subscriber->http = http;
    subscriber->request = request;
    subscriber->stream = event_stream_open(http->server, from, filter);
    subscriber->job = (struct pool_job){.run = read_piece, .arg = subscriber};
    ky_list_push_back(&http->subscribers, &subscriber->link);
    http->subscriber_count++;
    http_busy(http, 1);
    ky_metric_add(&subscribers, 1);
    (void)evhttp_add_header(headers, "Content-Type", "text/event-stream");
    (void)evhttp_add_header(headers, "Cache-Control", "no-store");
    (void)evhttp_add_header(headers, "X-Accel-Buffering", "no");
    evhttp_connection_set_closecb(evhttp_request_get_connection(request), client_gone, subscriber);
    evhttp_connection_set_timeout(evhttp_request_get_connection(request), 0);
    evhttp_send_reply_start(request, 200, "OK");
    ky_buffer_append_cstr(&subscriber->out, "retry: 2000\n");
    if (from > 0) {
        /* The client holds a position at once. */
        ky_buffer_printf(&subscriber->out, "id: %" PRIu64 "\n", from - 1);
    }
    ky_buffer_append_cstr(&subscriber->out, "\n");
    send_out(subscriber);
    loop_timer_start(http->options.loop, &subscriber->timer, SUBSCRIBE_HEARTBEAT_MS, true,
                     heartbeat, subscriber);
}

void
subscribe_wake_all(struct http *http)
{
    for (struct ky_list *item = http->subscribers.next; item != &http->subscribers;) {
        struct subscriber *subscriber = ky_list_entry(item, struct subscriber, link);
        item = item->next;
        subscriber->is_woken = true;
        subscriber_go_on(subscriber);
    }
}

void
subscribe_stop_all(struct http *http)
{
    for (struct ky_list *item = http->subscribers.next; item != &http->subscribers;) {
        struct subscriber *subscriber = ky_list_entry(item, struct subscriber, link);
        item = item->next;
        subscriber->is_ended = true;
        if (!subscriber->is_reading && !subscriber->is_sending) {
            subscriber_end(subscriber);
        }
    }
}

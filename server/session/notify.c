/* SPDX-License-Identifier: Apache-2.0 */
#include "server/session/notify.h"

#include "server/base/assert.h"

/*
 * What a transaction sends, and where it begins or stops to listen, waits in its session until the
 * commit is done. Then every listener gets a copy into its own queue and is woken; its connection
 * takes the queue when it is between transactions. A session that never heard of channels has a
 * NULL pointer and nothing else.
 *
 * One mutex guards the channels and queues of all: sending is rare and short.
 */

struct notice {
    struct notice *next;
    int32_t pid;
    uint32_t size; /* of this block */
    char *payload; /* in the block */
    char channel[NOTIFY_CHANNEL_SIZE];
};

struct send {
    char channel[NOTIFY_CHANNEL_SIZE];
    char *payload; /* owned */
};

struct action {
    bool is_listen;
    char channel[NOTIFY_CHANNEL_SIZE]; /* "": all, of UNLISTEN */
};

struct notify {
    struct session *session;
    struct ky_list link; /* in server->listeners while channel_count > 0 */
    /* Guarded by server->notify_lock. */
    char (*channels)[NOTIFY_CHANNEL_SIZE]; /* owned */
    uint32_t channel_count, channel_capacity;
    struct notice *first, *last; /* owned */
    /* Of the transaction; the session's thread's. */
    struct send *sends; /* owned */
    uint32_t send_count, send_capacity;
    struct action *actions; /* owned */
    uint32_t action_count, action_capacity;
};

static struct notify *
notify_of(struct session *session)
{
    if (session->notify == NULL) {
        session->notify = ky_calloc(1, sizeof(*session->notify));
        session->notify->session = session;
        ky_list_init(&session->notify->link);
    }
    return session->notify;
}

#define MAKE_ROOM(array, count, capacity)                                         \
    do {                                                                          \
        if ((count) == (capacity)) {                                              \
            (capacity) = KY_MAX((capacity)*2, 4U);                                \
            (array) = ky_realloc((array), (size_t)(capacity) * sizeof(*(array))); \
        }                                                                         \
    } while (0)

/* ------------------------------------------------------------------ within the transaction */

static ky_status
check_channel(const char *channel, struct ky_error *err)
{
    if (channel[0] == '\0') {
        return ky_error_set(err, KY_INVALID_PARAMETER_VALUE, "channel name cannot be empty");
    }
    if (strlen(channel) >= NOTIFY_CHANNEL_SIZE) {
        return ky_error_set(err, KY_INVALID_PARAMETER_VALUE, "channel name too long");
    }
    return KY_OK;
}

ky_status
notify_send(struct session *session, const char *channel, const char *payload, struct ky_error *err)
{
    KY_TRY(check_channel(channel, err));
    if (strlen(payload) >= NOTIFY_PAYLOAD_SIZE_MAX) {
        return ky_error_set(err, KY_INVALID_PARAMETER_VALUE, "payload string too long");
    }
    if (notify_usage(session) >= 1) {
        return ky_error_set(err, KY_PROGRAM_LIMIT_EXCEEDED,
                            "too many notifications in the NOTIFY queue");
    }
    struct notify *notify = notify_of(session);
    for (uint32_t i = 0; i < notify->send_count; i++) {
        if (strcmp(notify->sends[i].channel, channel) == 0 &&
            strcmp(notify->sends[i].payload, payload) == 0) {
            return KY_OK; /* the same again in one transaction is sent once */
        }
    }
    MAKE_ROOM(notify->sends, notify->send_count, notify->send_capacity);
    struct send *send = &notify->sends[notify->send_count++];
    strcpy(send->channel, channel);
    send->payload = ky_strdup(payload);
    return KY_OK;
}

static void
add_action(struct session *session, bool is_listen, const char *channel)
{
    struct notify *notify = notify_of(session);
    MAKE_ROOM(notify->actions, notify->action_count, notify->action_capacity);
    struct action *action = &notify->actions[notify->action_count++];
    action->is_listen = is_listen;
    ky_error_name(action->channel, channel);
}

ky_status
notify_listen(struct session *session, const char *channel, struct ky_error *err)
{
    KY_TRY(check_channel(channel, err));
    add_action(session, true, channel);
    return KY_OK;
}

void
notify_unlisten(struct session *session, const char *channel)
{
    if (session->notify != NULL) {
        add_action(session, false, channel == NULL ? "" : channel);
    }
}

void
notify_mark(const struct session *session, struct notify_mark *mark_out)
{
    const struct notify *notify = session->notify;
    *mark_out = notify == NULL ? (struct notify_mark){0}
                               : (struct notify_mark){notify->send_count, notify->action_count};
}

void
notify_rewind(struct session *session, const struct notify_mark *mark)
{
    struct notify *notify = session->notify;
    if (notify == NULL) {
        return;
    }
    while (notify->send_count > mark->send_count) {
        ky_free(notify->sends[--notify->send_count].payload);
    }
    notify->action_count = KY_MIN(notify->action_count, mark->action_count);
}

void
notify_abort(struct session *session)
{
    const struct notify_mark none = {0};
    notify_rewind(session, &none);
}

/* ------------------------------------------------------------------ the commit */

static bool
listens_to(const struct notify *notify, const char *channel, uint32_t *place_out)
{
    for (uint32_t i = 0; i < notify->channel_count; i++) {
        if (strcmp(notify->channels[i], channel) == 0) {
            *place_out = i;
            return true;
        }
    }
    return false;
}

static void
apply_action(struct server *server, struct notify *notify, const struct action *action)
    KY_REQUIRES(server->notify_lock)
{
    uint32_t place = 0;
    bool is_known = listens_to(notify, action->channel, &place);
    if (action->is_listen && !is_known) {
        MAKE_ROOM(notify->channels, notify->channel_count, notify->channel_capacity);
        strcpy(notify->channels[notify->channel_count++], action->channel);
    } else if (!action->is_listen && action->channel[0] == '\0') {
        notify->channel_count = 0;
    } else if (!action->is_listen && is_known) {
        notify->channel_count--;
        memmove(notify->channels[place], notify->channels[notify->channel_count],
                NOTIFY_CHANNEL_SIZE);
    }
    bool is_listed = !ky_list_is_empty(&notify->link);
    if (notify->channel_count > 0 && !is_listed) {
        ky_list_push_back(&server->listeners, &notify->link);
    } else if (notify->channel_count == 0 && is_listed) {
        ky_list_remove(&notify->link);
    }
}

static void
deliver(struct server *server, struct notify *to, int32_t pid, const struct send *send)
    KY_REQUIRES(server->notify_lock)
{
    size_t payload_size = strlen(send->payload) + 1;
    size_t size = sizeof(struct notice) + payload_size;
    struct notice *notice = ky_malloc(size);
    *notice = (struct notice){.pid = pid, .size = (uint32_t)size};
    notice->payload = (char *)(notice + 1);
    memcpy(notice->payload, send->payload, payload_size);
    strcpy(notice->channel, send->channel);
    if (to->first == NULL) {
        to->first = notice;
    } else {
        to->last->next = notice;
    }
    to->last = notice;
    server->notify_size += size;
    /* relaxed: whoever sees it takes the lock. */
    atomic_store_explicit(&to->session->has_notices, true, memory_order_relaxed);
}

void
notify_commit(struct session *session)
{
    struct notify *notify = session->notify;
    struct server *server = session->server;
    if (notify == NULL || (notify->send_count == 0 && notify->action_count == 0)) {
        return;
    }
    ky_mutex_lock(&server->notify_lock);
    for (uint32_t i = 0; i < notify->action_count; i++) {
        apply_action(server, notify, &notify->actions[i]);
    }
    ky_list_foreach (item, &server->listeners) {
        struct notify *to = ky_list_entry(item, struct notify, link);
        bool is_any = false;
        for (uint32_t i = 0; i < notify->send_count; i++) {
            uint32_t place;
            if (listens_to(to, notify->sends[i].channel, &place)) {
                deliver(server, to, session->pid, &notify->sends[i]);
                is_any = true;
            }
        }
        if (is_any && to != notify) {
            to->session->hooks.wake(to->session->hooks.arg);
        }
    }
    ky_mutex_unlock(&server->notify_lock);
    notify_abort(session); /* nothing is left to do */
}

/* ------------------------------------------------------------------ taking */

static struct notice *
take_all(struct session *session)
{
    struct server *server = session->server;
    ky_mutex_lock(&server->notify_lock);
    struct notice *first = session->notify->first;
    session->notify->first = session->notify->last = NULL;
    atomic_store_explicit(&session->has_notices, false, memory_order_relaxed);
    for (const struct notice *notice = first; notice != NULL; notice = notice->next) {
        server->notify_size -= notice->size;
    }
    ky_mutex_unlock(&server->notify_lock);
    return first;
}

void
session_take_notices(struct session *session, session_notice_emit emit, void *arg)
{
    if (!atomic_load_explicit(&session->has_notices, memory_order_relaxed) || session->is_block) {
        return;
    }
    struct notice *notice = take_all(session);
    while (notice != NULL) {
        struct notice *next = notice->next;
        emit(arg, notice->pid, notice->channel, notice->payload);
        ky_free(notice);
        notice = next;
    }
}

bool
session_has_notices(const struct session *session)
{
    return atomic_load_explicit(&session->has_notices, memory_order_relaxed) && !session->is_block;
}

void
notify_close(struct session *session)
{
    struct notify *notify = session->notify;
    if (notify == NULL) {
        return;
    }
    notify_abort(session);
    ky_mutex_lock(&session->server->notify_lock);
    ky_list_remove(&notify->link);
    ky_mutex_unlock(&session->server->notify_lock);
    struct notice *notice = take_all(session);
    while (notice != NULL) {
        struct notice *next = notice->next;
        ky_free(notice);
        notice = next;
    }
    ky_free(notify->channels);
    ky_free(notify->sends);
    ky_free(notify->actions);
    ky_free(notify);
    session->notify = NULL;
}

/* ------------------------------------------------------------------ looking */

const char **
notify_channels(struct session *session, struct ky_arena *arena, uint32_t *count_out)
{
    const struct notify *notify = session->notify;
    *count_out = notify == NULL ? 0 : notify->channel_count;
    const char **names = ky_arena_array(arena, const char *, *count_out + 1U);
    for (uint32_t i = 0; i < *count_out; i++) {
        names[i] = ky_arena_strdup(arena, notify->channels[i]);
    }
    return names;
}

double
notify_usage(struct session *session)
{
    ky_mutex_lock(&session->server->notify_lock);
    uint64_t size = session->server->notify_size;
    ky_mutex_unlock(&session->server->notify_lock);
    return (double)size / NOTIFY_QUEUE_SIZE_MAX;
}

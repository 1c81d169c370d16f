/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdatomic.h>

#include "server/base/error.h"
#include "server/base/list.h"
#include "server/base/slice.h"

/*
 * Front door of server/net: event loops, timers, listeners, byte streams with or without TLS,
 * and the worker pool. Everything above speaks to sockets and threads through these.
 */

struct event_base; /* libevent's */
struct ssl_ctx_st; /* OpenSSL's SSL_CTX */

/* ------------------------------------------------------------------ loop */

/**
 * One thread around a libevent base. Nothing that runs on it may wait for disk, lock or worker.
 * Only loop_post and loop_is_current may be called from other threads while it runs; before
 * loop_start and after loop_stop everything belongs to the caller.
 */
struct loop;

/* Ends the process when the machine gives no event base. name is at most 15 bytes. */
struct loop *loop_new(const char *name);
void loop_start(struct loop *loop);
/* Runs what was posted, leaves the loop, joins its thread. Not on the loop's own thread. */
void loop_stop(struct loop *loop);
/* Stops first when it still runs. Watches and timers must be stopped by then. */
void loop_free(struct loop *loop);
/* Calls run(arg) on the loop's thread, in order of posting. Any thread; never waits. */
void loop_post(struct loop *loop, void (*run)(void *arg), void *arg);
bool loop_is_current(const struct loop *loop);
struct pool_job;
/* The same without an allocation: the job is the caller's until its run has begun. One wake-up
 * for all jobs that come while the loop sleeps. */
void loop_submit(struct loop *loop, struct pool_job *job);
/**
 * Until end_ns (monotonic) the loop looks for events without sleeping, which saves what waking a
 * sleeping core costs. Others that want the core go first: the loop yields between two looks, and
 * when one of them took it, does not poll for a while. Loop's thread.
 */
void loop_poll_until(struct loop *loop, int64_t end_ns);
/* For libevent's own modules (evhttp). Use it on the loop's thread only, or before loop_start. */
struct event_base *loop_base(struct loop *loop);

/* A timer of the loop's thread. Zeroed memory is a stopped timer. */
struct loop_timer {
    struct event *event; /* owned */
    void (*fire)(void *arg);
    void *arg;
};
/* Fires once after delay_ms, or every delay_ms; starting again replaces. Loop's thread. */
void loop_timer_start(struct loop *loop, struct loop_timer *timer, int64_t delay_ms,
                      bool is_repeated, void (*fire)(void *arg), void *arg);
void loop_timer_stop(struct loop_timer *timer);

/* What a watched socket tells; several at once. Edge-triggered: each change is told once. */
enum { LOOP_READABLE = 1, LOOP_WRITABLE = 2, LOOP_HANGUP = 4 /* the peer sends no more */ };
struct loop_watch {
    struct loop *loop;
    struct event *event; /* owned */
    void (*ready)(void *arg, int what);
    void *arg;
};
/* Tells READABLE and WRITABLE soon if they hold already. Loop's thread. */
void loop_watch_start(struct loop *loop, struct loop_watch *watch, int fd,
                      void (*ready)(void *arg, int what), void *arg);
void loop_watch_stop(struct loop_watch *watch);

/* ------------------------------------------------------------------ listeners */

struct net_peer {
    char address[64]; /* "127.0.0.1", "::1", "" for Unix sockets */
    int port;         /* -1 for Unix sockets */
    bool is_local;    /* loopback address or Unix socket */
};

struct listener;
/* fd is non-blocking, TCP_NODELAY is set; it belongs to the callee. On the loop's thread. */
typedef void (*listener_accept)(void *arg, int fd, const struct net_peer *peer);

/* host: an address or name, "*" for all. port 0: any free one (listener_port). On a loop that does
 * not run yet, or on its thread. 58030 when the address cannot be bound. */
KY_MUST_CHECK ky_status listener_open_tcp(struct loop *loop, const char *host, int port,
                                          listener_accept accept, void *arg,
                                          struct listener **listener_out, struct ky_error *err);
/* dir/.s.PGSQL.<port>, mode 0777, with dir/.s.PGSQL.<port>.lock held while open. F0001 when another
 * process holds it. */
KY_MUST_CHECK ky_status listener_open_unix(struct loop *loop, const char *dir, int port,
                                           listener_accept accept, void *arg,
                                           struct listener **listener_out, struct ky_error *err);
int listener_port(const struct listener *listener);
/* As for opening: loop's thread, or a loop that does not run. NULL is allowed. */
void listener_close(struct listener *listener);
/* True for 127.0.0.0/8, ::1 and names of them: what protected mode may listen on. */
bool net_host_is_loopback(const char *host);

/* ------------------------------------------------------------------ TLS */

/* Immutable after load; shared by streams, which hold a reference each. */
struct tls;
/* PEM files. F0000 with the file and OpenSSL's reason. */
KY_MUST_CHECK ky_status tls_load(const char *cert_file, const char *key_file, struct tls **tls_out,
                                 struct ky_error *err);
/* --tls auto: dir/server.crt and dir/server.key, made (P-256, self-signed, ten years) when absent.
 */
KY_MUST_CHECK ky_status tls_load_auto(const char *dir, struct tls **tls_out, struct ky_error *err);
struct tls *tls_acquire(struct tls *tls);
void tls_release(struct tls *tls);
/* For evhttp; borrowed. ALPN answers "postgresql" and "http/1.1". */
struct ssl_ctx_st *tls_context(struct tls *tls);
/* RFC 5929 tls-server-end-point: the certificate's hash; at most 64 bytes. */
struct ky_slice tls_server_end_point(const struct tls *tls);

/* ------------------------------------------------------------------ streams */

/* A connected non-blocking socket, plain or TLS. One thread at a time. */
struct stream;
enum stream_answer {
    STREAM_OK,    /* *size_out > 0 bytes moved */
    STREAM_AGAIN, /* nothing now: wait for READABLE (reads) or WRITABLE (writes) */
    STREAM_END,   /* the peer closed, or the connection broke */
};
/* fd is taken. */
struct stream *stream_new(int fd);
/* Closes the socket; sends TLS's close_notify if it can. */
void stream_free(struct stream *stream);
int stream_fd(const struct stream *stream);
/* From now on bytes are TLS records; the handshake happens inside read and write. */
void stream_start_tls(struct stream *stream, struct tls *tls);
bool stream_has_tls(const struct stream *stream);
/* No TLS, or its handshake is over. */
bool stream_is_ready(const struct stream *stream);
/* The ALPN protocol the peer asked for and got, "" when none. After the handshake. */
const char *stream_alpn(struct stream *stream);
/* "TLSv1.3", "TLS_AES_256_GCM_SHA384"; "" without TLS. */
const char *stream_tls_version(const struct stream *stream);
const char *stream_tls_cipher(const struct stream *stream);
/* Looks at the first plain byte without taking it. */
enum stream_answer stream_peek(struct stream *stream, uint8_t *byte_out);
enum stream_answer stream_read(struct stream *stream, void *data, size_t size, size_t *size_out);
enum stream_answer stream_write(struct stream *stream, const void *data, size_t size,
                                size_t *size_out);

/* ------------------------------------------------------------------ worker pool */

/**
 * A fixed number of threads and two queues. Short jobs go first; long ones never hold all
 * workers (with more than one worker). A job is owned by whoever submits it and may be submitted
 * again, here or to a loop, only once its run has begun.
 */
struct pool;
struct pool_job {
    struct ky_list link;
    void (*run)(void *arg);
    void *arg;
};
enum pool_queue { POOL_SHORT, POOL_LONG };
enum { POOL_SLEEPERS_MAX = 1000 };

struct pool *pool_new(int worker_count);
/* Runs what is queued, then joins the workers. */
void pool_free(struct pool *pool);
/* Any thread, never waits. */
void pool_submit(struct pool *pool, struct pool_job *job, enum pool_queue queue);
/**
 * Around something inside a job that sleeps: others may use the worker meanwhile. While a job
 * sleeps, a further thread works in its stead, up to POOL_SLEEPERS_MAX of them.
 */
void pool_sleep_begin(struct pool *pool);
void pool_sleep_end(struct pool *pool);
int pool_worker_count(const struct pool *pool);

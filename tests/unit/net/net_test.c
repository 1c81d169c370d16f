/* SPDX-License-Identifier: Apache-2.0 */
#include "server/net/net.h"

#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <fcntl.h>
#include <openssl/ssl.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "server/base/buffer.h"
#include "server/base/clock.h"
#include "server/base/metric.h"

static bool
becomes(atomic_int *counter, int wanted)
{
    for (int i = 0; i < 5000 && atomic_load(counter) < wanted; i++) {
        usleep(1000);
    }
    return atomic_load(counter) >= wanted;
}

/* ------------------------------------------------------------------ loop */

static int order[100];
static atomic_int order_count;

static void
note(void *arg)
{
    int place = atomic_load(&order_count);
    order[place] = *(int *)arg;
    atomic_store(&order_count, place + 1);
}

Test(loop, runs_posts_in_order_on_its_own_thread)
{
    int numbers[100];
    struct loop *loop = loop_new("test");
    cr_expect(!loop_is_current(loop));
    loop_start(loop);
    for (int i = 0; i < 100; i++) {
        numbers[i] = i;
        loop_post(loop, note, &numbers[i]);
    }
    loop_stop(loop);
    cr_assert_eq(atomic_load(&order_count), 100);
    for (int i = 0; i < 100; i++) {
        cr_expect_eq(order[i], i);
    }
    loop_free(loop);
}

struct polled {
    struct loop *loop;
    atomic_int count;
};

static void
count_polled(void *arg)
{
    struct polled *polled = arg;
    loop_poll_until(polled->loop, ky_monotonic_ns() + 2 * 1000 * 1000);
    atomic_fetch_add(&polled->count, 1);
}

static long
metric_value(const char *name)
{
    struct ky_buffer out = {0};
    ky_metrics_write(&out);
    ky_buffer_append_byte(&out, 0);
    char line[100];
    (void)snprintf(line, sizeof(line), "\n%s ", name);
    const char *found = strstr((const char *)out.data, line);
    long value = found == NULL ? -1 : strtol(found + strlen(line), NULL, 10);
    ky_buffer_deinit(&out);
    return value;
}

/* Awake or asleep, and in the moment between. */
Test(loop, hears_posts_while_it_polls_and_after)
{
    struct polled polled = {.loop = loop_new("test")};
    loop_start(polled.loop);
    for (int i = 0; i < 40; i++) {
        loop_post(polled.loop, count_polled, &polled);
        cr_assert(becomes(&polled.count, i + 1));
        usleep((useconds_t)(i % 4) * 1000);
    }
    loop_stop(polled.loop);
    cr_expect_gt(metric_value("kyrodb_loop_idle_looks_total"), 0, "the loop slept at once");
    loop_free(polled.loop);
}

struct timers {
    struct loop *loop;
    struct loop_timer once, often;
    atomic_int once_count, often_count, stopped;
};

static void
fire_once(void *arg)
{
    atomic_fetch_add(&((struct timers *)arg)->once_count, 1);
}

static void
fire_often(void *arg)
{
    atomic_fetch_add(&((struct timers *)arg)->often_count, 1);
}

static void
start_timers(void *arg)
{
    struct timers *timers = arg;
    loop_timer_start(timers->loop, &timers->once, 5, false, fire_once, timers);
    loop_timer_start(timers->loop, &timers->often, 5, true, fire_often, timers);
}

static void
stop_timers(void *arg)
{
    struct timers *timers = arg;
    loop_timer_stop(&timers->once);
    loop_timer_stop(&timers->often);
    atomic_store(&timers->stopped, 1);
}

Test(loop, timers_fire_once_or_again_and_again)
{
    static struct timers timers;
    timers.loop = loop_new("test");
    loop_start(timers.loop);
    loop_post(timers.loop, start_timers, &timers);
    cr_expect(becomes(&timers.often_count, 4));
    cr_expect_eq(atomic_load(&timers.once_count), 1);
    loop_post(timers.loop, stop_timers, &timers);
    cr_expect(becomes(&timers.stopped, 1));
    loop_free(timers.loop);
}

/* ------------------------------------------------------------------ listeners */

struct accepted {
    int fd;
    struct net_peer peer;
    atomic_int count;
};

static void
take(void *arg, int fd, const struct net_peer *peer)
{
    struct accepted *accepted = arg;
    accepted->fd = fd;
    accepted->peer = *peer;
    atomic_fetch_add(&accepted->count, 1);
}

static int
connect_tcp(int port)
{
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    cr_assert_eq(connect(fd, (struct sockaddr *)&address, sizeof(address)), 0);
    return fd;
}

Test(listener, accepts_tcp_and_says_who_it_is)
{
    static struct accepted accepted;
    struct ky_error err;
    struct listener *listener;
    struct loop *loop = loop_new("test");
    cr_assert_eq(listener_open_tcp(loop, "127.0.0.1", 0, take, &accepted, &listener, &err), KY_OK);
    cr_assert_gt(listener_port(listener), 0);
    loop_start(loop);
    int fd = connect_tcp(listener_port(listener));
    cr_assert(becomes(&accepted.count, 1));
    cr_expect_str_eq(accepted.peer.address, "127.0.0.1");
    cr_expect_gt(accepted.peer.port, 0);
    cr_expect(accepted.peer.is_local);
    cr_expect_neq(fcntl(accepted.fd, F_GETFL) & O_NONBLOCK, 0);
    loop_stop(loop);
    struct listener *second;
    cr_expect_eq(listener_open_tcp(loop, "127.0.0.1", listener_port(listener), take, &accepted,
                                   &second, &err),
                 KY_ERR, "one port, two listeners");
    cr_expect_eq(err.sqlstate, KY_IO_ERROR);
    listener_close(listener);
    close(fd);
    close(accepted.fd);
    loop_free(loop);
}

Test(listener, unix_socket_is_open_to_all_and_locked)
{
    static struct accepted accepted;
    char dir[] = "/tmp/net_test_XXXXXX";
    char path[64];
    char lock_path[80];
    struct ky_error err;
    struct listener *listener;
    struct listener *second;
    struct stat found;
    cr_assert_not_null(mkdtemp(dir));
    (void)snprintf(path, sizeof(path), "%s/.s.PGSQL.5999", dir);
    (void)snprintf(lock_path, sizeof(lock_path), "%s.lock", path);
    struct loop *loop = loop_new("test");
    cr_assert_eq(listener_open_unix(loop, dir, 5999, take, &accepted, &listener, &err), KY_OK);
    cr_assert_eq(stat(path, &found), 0);
    cr_expect_eq(found.st_mode & 0777, 0777);
    cr_expect_eq(listener_open_unix(loop, dir, 5999, take, &accepted, &second, &err), KY_ERR);
    cr_expect_eq(err.sqlstate, KY_LOCK_FILE_EXISTS);
    cr_expect_eq(access(path, F_OK), 0, "the one that was refused took the socket away");
    loop_start(loop);
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    (void)snprintf(address.sun_path, sizeof(address.sun_path), "%s", path);
    cr_assert_eq(connect(fd, (struct sockaddr *)&address, sizeof(address)), 0);
    cr_assert(becomes(&accepted.count, 1));
    cr_expect_str_eq(accepted.peer.address, "");
    cr_expect_eq(accepted.peer.port, -1);
    cr_expect(accepted.peer.is_local);
    loop_stop(loop);
    listener_close(listener);
    cr_expect_neq(access(path, F_OK), 0);
    cr_expect_neq(access(lock_path, F_OK), 0);
    close(fd);
    close(accepted.fd);
    loop_free(loop);
    rmdir(dir);
}

Test(listener, a_long_socket_directory_is_refused)
{
    char dir[200];
    struct ky_error err;
    struct listener *listener;
    struct loop *loop = loop_new("test");
    memset(dir, 'd', sizeof(dir) - 1);
    dir[sizeof(dir) - 1] = '\0';
    cr_expect_eq(listener_open_unix(loop, dir, 5999, NULL, NULL, &listener, &err), KY_ERR);
    cr_expect_eq(err.sqlstate, KY_INVALID_PARAMETER_VALUE);
    loop_free(loop);
}

Test(net, knows_loopback_hosts)
{
    cr_expect(net_host_is_loopback("127.0.0.1"));
    cr_expect(net_host_is_loopback("127.9.9.9"));
    cr_expect(net_host_is_loopback("::1"));
    cr_expect(!net_host_is_loopback("0.0.0.0"));
    cr_expect(!net_host_is_loopback("10.0.0.1"));
    cr_expect(!net_host_is_loopback("*"));
}

/* ------------------------------------------------------------------ streams */

Test(stream, tells_nothing_now_from_the_end)
{
    int fds[2];
    char bytes[8];
    size_t size = 0;
    uint8_t first = 0;
    cr_assert_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
    struct stream *stream = stream_new(fds[0]);
    cr_expect_eq(stream_read(stream, bytes, sizeof(bytes), &size), STREAM_AGAIN);
    cr_assert_eq(write(fds[1], "hello", 5), 5);
    cr_expect_eq(stream_peek(stream, &first), STREAM_OK);
    cr_expect_eq(first, 'h');
    cr_expect_eq(stream_read(stream, bytes, sizeof(bytes), &size), STREAM_OK);
    cr_expect_eq(size, 5);
    close(fds[1]);
    cr_expect_eq(stream_read(stream, bytes, sizeof(bytes), &size), STREAM_END);
    cr_expect_eq(stream_write(stream, "x", 1, &size), STREAM_END);
    stream_free(stream);
}

/* A blocking TLS client and our stream, stepped in turn on one thread. */
Test(tls, makes_a_certificate_once_and_talks_through_it)
{
    char dir[] = "/tmp/net_test_XXXXXX";
    char file[64];
    struct ky_error err;
    struct tls *tls;
    struct stat key;
    int fds[2];
    cr_assert_not_null(mkdtemp(dir));
    cr_assert_eq(tls_load_auto(dir, &tls, &err), KY_OK, "%s", err.message);
    uint8_t end_point[64];
    struct ky_slice hash = tls_server_end_point(tls);
    cr_assert_eq(hash.size, 32);
    memcpy(end_point, hash.data, hash.size);
    tls_release(tls);
    (void)snprintf(file, sizeof(file), "%s/server.key", dir);
    cr_assert_eq(stat(file, &key), 0);
    cr_expect_eq(key.st_mode & 0777, 0600);
    cr_assert_eq(tls_load_auto(dir, &tls, &err), KY_OK);
    cr_expect_eq(memcmp(tls_server_end_point(tls).data, end_point, 32), 0, "made a second time");

    cr_assert_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fds), 0);
    struct stream *stream = stream_new(fds[0]);
    stream_start_tls(stream, tls);
    SSL_CTX *context = SSL_CTX_new(TLS_client_method());
    SSL *client = SSL_new(context);
    SSL_set_fd(client, fds[1]);
    SSL_set_alpn_protos(client, (const unsigned char *)"\x0apostgresql", 11);
    char bytes[16];
    size_t size = 0;
    enum stream_answer answer = STREAM_AGAIN;
    for (int i = 0; i < 1000 && answer == STREAM_AGAIN; i++) {
        if (SSL_connect(client) == 1) {
            (void)SSL_write(client, "ping", 4);
        }
        answer = stream_read(stream, bytes, sizeof(bytes), &size);
    }
    cr_assert_eq(answer, STREAM_OK);
    cr_expect_eq(size, 4);
    cr_expect(stream_has_tls(stream));
    cr_expect_str_eq(stream_alpn(stream), "postgresql");
    cr_expect_str_eq(stream_tls_version(stream), "TLSv1.3");
    cr_expect_eq(stream_write(stream, "pong", 4, &size), STREAM_OK);
    cr_expect_eq(SSL_read(client, bytes, sizeof(bytes)), 4);
    SSL_free(client);
    SSL_CTX_free(context);
    stream_free(stream);
    close(fds[1]);
    tls_release(tls);
    unlink(file);
    (void)snprintf(file, sizeof(file), "%s/server.crt", dir);
    unlink(file);
    rmdir(dir);
}

Test(tls, names_the_file_it_could_not_load)
{
    struct ky_error err;
    struct tls *tls;
    cr_expect_eq(tls_load("/nonexistent.crt", "/nonexistent.key", &tls, &err), KY_ERR);
    cr_expect_eq(err.sqlstate, KY_CONFIG_FILE_ERROR);
    cr_expect_not_null(strstr(err.message, "/nonexistent.crt"));
}

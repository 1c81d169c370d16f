/* SPDX-License-Identifier: Apache-2.0 */
#include <arpa/inet.h>
#include <errno.h>
#include <event2/event.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "server/base/arena.h"
#include "server/base/assert.h"
#include "server/base/log.h"
#include "server/net/net.h"

/*
 * A name may stand for several addresses, so a listener is a few sockets. When the process has
 * no file descriptors left, accepting pauses for a moment: the socket would be readable for ever.
 */

enum { LISTENER_SOCKETS_MAX = 8, LISTENER_BACKLOG = 1024, ACCEPT_PAUSE_MS = 100 };

struct listener_socket {
    struct listener *listener;
    int fd;
    struct event *event; /* owned */
};

struct listener {
    struct loop *loop;
    listener_accept accept;
    void *arg;
    struct listener_socket sockets[LISTENER_SOCKETS_MAX];
    int socket_count;
    int port;
    bool is_unix;
    int lock_fd; /* -1 for TCP */
    char path[sizeof(((struct sockaddr_un *)0)->sun_path)];
    char lock_path[sizeof(((struct sockaddr_un *)0)->sun_path) + 8];
    struct loop_timer pause;
};

static bool
address_is_loopback(const struct sockaddr_storage *address)
{
    if (address->ss_family == AF_INET) {
        const struct sockaddr_in *in = (const void *)address;
        return (ntohl(in->sin_addr.s_addr) >> 24) == 127;
    }
    if (address->ss_family == AF_INET6) {
        const struct sockaddr_in6 *in6 = (const void *)address;
        return IN6_IS_ADDR_LOOPBACK(&in6->sin6_addr) ||
               (IN6_IS_ADDR_V4MAPPED(&in6->sin6_addr) && in6->sin6_addr.s6_addr[12] == 127);
    }
    return false;
}

bool
net_host_is_loopback(const char *host)
{
    struct addrinfo hints = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM};
    struct addrinfo *found;
    if (strcmp(host, "*") == 0 || getaddrinfo(host, NULL, &hints, &found) != 0) {
        return false;
    }
    bool is_loopback = true;
    for (struct addrinfo *each = found; each != NULL; each = each->ai_next) {
        struct sockaddr_storage address = {0};
        memcpy(&address, each->ai_addr, each->ai_addrlen);
        is_loopback = is_loopback && address_is_loopback(&address);
    }
    freeaddrinfo(found);
    return is_loopback;
}

static void
describe_peer(const struct sockaddr_storage *address, struct net_peer *peer)
{
    *peer = (struct net_peer){.port = -1, .is_local = true};
    if (address->ss_family == AF_INET) {
        const struct sockaddr_in *in = (const void *)address;
        (void)inet_ntop(AF_INET, &in->sin_addr, peer->address, sizeof(peer->address));
        peer->port = ntohs(in->sin_port);
        peer->is_local = address_is_loopback(address);
    } else if (address->ss_family == AF_INET6) {
        const struct sockaddr_in6 *in6 = (const void *)address;
        (void)inet_ntop(AF_INET6, &in6->sin6_addr, peer->address, sizeof(peer->address));
        peer->port = ntohs(in6->sin6_port);
        peer->is_local = address_is_loopback(address);
    }
}

static void
resume_accepting(void *arg)
{
    struct listener *listener = arg;
    loop_timer_stop(&listener->pause);
    for (int i = 0; i < listener->socket_count; i++) {
        (void)event_add(listener->sockets[i].event, NULL);
    }
}

static void
pause_accepting(struct listener *listener)
{
    for (int i = 0; i < listener->socket_count; i++) {
        (void)event_del(listener->sockets[i].event);
    }
    loop_timer_start(listener->loop, &listener->pause, ACCEPT_PAUSE_MS, false, resume_accepting,
                     listener);
}

static void
accept_ready(evutil_socket_t fd, short what KY_UNUSED, void *arg)
{
    struct listener_socket *socket = arg;
    struct listener *listener = socket->listener;
    for (int i = 0; i < LISTENER_BACKLOG; i++) {
        struct sockaddr_storage address = {0};
        socklen_t size = sizeof(address);
        int accepted =
            accept4(fd, (struct sockaddr *)(void *)&address, &size, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (accepted < 0) {
            if (errno == EINTR || errno == ECONNABORTED) {
                continue;
            }
            if (errno != EAGAIN) {
                ky_log(WARN, "net", "could not accept a connection errno=%d", errno);
                pause_accepting(listener);
            }
            return;
        }
        struct net_peer peer;
        describe_peer(&address, &peer);
        if (!listener->is_unix) {
            int one = 1;
            (void)setsockopt(accepted, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
            (void)setsockopt(accepted, SOL_SOCKET, SO_KEEPALIVE, &one, sizeof(one));
        }
        listener->accept(listener->arg, accepted, &peer);
    }
}

static struct listener *
listener_make(struct loop *loop, listener_accept accept, void *arg)
{
    struct listener *listener = ky_calloc(1, sizeof(*listener));
    listener->loop = loop;
    listener->accept = accept;
    listener->arg = arg;
    listener->lock_fd = -1;
    return listener;
}

static void
add_socket(struct listener *listener, int fd)
{
    struct listener_socket *socket = &listener->sockets[listener->socket_count++];
    socket->listener = listener;
    socket->fd = fd;
    socket->event =
        event_new(loop_base(listener->loop), fd, EV_READ | EV_PERSIST, accept_ready, socket);
    KY_ASSERT(socket->event != NULL);
    int added = event_add(socket->event, NULL);
    KY_ASSERT(added == 0);
}

/* A bound, listening socket, or -1 with errno. */
static int
open_socket(const struct sockaddr *address, socklen_t address_size)
{
    int fd = socket(address->sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0) {
        return -1;
    }
    int one = 1;
    if (address->sa_family != AF_UNIX) {
        (void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
    }
    if (address->sa_family == AF_INET6) {
        (void)setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &one, sizeof(one));
    }
    if (bind(fd, address, address_size) != 0 || listen(fd, LISTENER_BACKLOG) != 0) {
        int saved = errno;
        (void)close(fd);
        errno = saved;
        return -1;
    }
    return fd;
}

static int
port_of(int fd)
{
    struct sockaddr_storage address = {0};
    socklen_t size = sizeof(address);
    if (getsockname(fd, (struct sockaddr *)(void *)&address, &size) != 0) {
        return 0;
    }
    return address.ss_family == AF_INET6
               ? ntohs(((const struct sockaddr_in6 *)(const void *)&address)->sin6_port)
               : ntohs(((const struct sockaddr_in *)(const void *)&address)->sin_port);
}

/* Port 0 was chosen by the first socket; the others must have the same one. */
static void
set_port(struct sockaddr *address, int port)
{
    if (address->sa_family == AF_INET6) {
        ((struct sockaddr_in6 *)(void *)address)->sin6_port = htons((uint16_t)port);
    } else {
        ((struct sockaddr_in *)(void *)address)->sin_port = htons((uint16_t)port);
    }
}

ky_status
listener_open_tcp(struct loop *loop, const char *host, int port, listener_accept accept, void *arg,
                  struct listener **listener_out, struct ky_error *err)
{
    bool is_any = strcmp(host, "*") == 0;
    char service[16];
    (void)snprintf(service, sizeof(service), "%d", port);
    struct addrinfo hints = {
        .ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM, .ai_flags = AI_PASSIVE};
    struct addrinfo *found;
    int failed = getaddrinfo(is_any ? NULL : host, service, &hints, &found);
    if (failed != 0) {
        return ky_error_set(err, KY_IO_ERROR, "could not find the address of host \"%s\": %s", host,
                            gai_strerror(failed));
    }
    struct listener *listener = listener_make(loop, accept, arg);
    int saved_errno = 0;
    for (struct addrinfo *each = found;
         each != NULL && listener->socket_count < LISTENER_SOCKETS_MAX; each = each->ai_next) {
        if (listener->socket_count > 0) {
            set_port(each->ai_addr, listener->port);
        }
        int fd = open_socket(each->ai_addr, each->ai_addrlen);
        if (fd < 0) {
            saved_errno = errno;
            /* A machine without IPv6 still resolves to it; only what can be had is wanted. */
            if (saved_errno == EADDRINUSE) {
                break;
            }
            continue;
        }
        if (listener->socket_count == 0) {
            listener->port = port_of(fd);
        }
        add_socket(listener, fd);
        saved_errno = 0;
    }
    freeaddrinfo(found);
    if (listener->socket_count == 0 || saved_errno == EADDRINUSE) {
        listener_close(listener);
        return ky_error_set_errno(err, KY_IO_ERROR, saved_errno,
                                  "could not listen on \"%s\" port %d", host, port);
    }
    *listener_out = listener;
    return KY_OK;
}

/* The lock file's lock lives as long as the process, so a socket file left by a dead one is known.
 */
static ky_status
take_lock(struct listener *listener, struct ky_error *err)
{
    int fd = open(listener->lock_path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0) {
        return ky_error_set_errno(err, KY_IO_ERROR, errno, "could not create lock file \"%s\"",
                                  listener->lock_path);
    }
    if (flock(fd, LOCK_EX | LOCK_NB) != 0) {
        (void)close(fd);
        (void)ky_error_set(err, KY_LOCK_FILE_EXISTS, "lock file \"%s\" is held by another process",
                           listener->lock_path);
        return ky_error_hint(err, "Is another server using port %d and this socket directory?",
                             listener->port);
    }
    listener->lock_fd = fd;
    char text[32];
    int size = snprintf(text, sizeof(text), "%d\n", (int)getpid());
    if (ftruncate(fd, 0) != 0 || write(fd, text, (size_t)size) != size) {
        return ky_error_set_errno(err, KY_IO_ERROR, errno, "could not write lock file \"%s\"",
                                  listener->lock_path);
    }
    return KY_OK;
}

ky_status
listener_open_unix(struct loop *loop, const char *dir, int port, listener_accept accept, void *arg,
                   struct listener **listener_out, struct ky_error *err)
{
    struct listener *listener = listener_make(loop, accept, arg);
    listener->is_unix = true;
    listener->port = port;
    int size = snprintf(listener->path, sizeof(listener->path), "%s/.s.PGSQL.%d", dir, port);
    if (size < 0 || (size_t)size >= sizeof(listener->path)) {
        listener->path[0] = '\0';
        (void)ky_error_set(err, KY_INVALID_PARAMETER_VALUE,
                           "socket path of directory \"%s\" is too long (at most %zu bytes)", dir,
                           sizeof(listener->path) - 1);
        goto fail;
    }
    (void)snprintf(listener->lock_path, sizeof(listener->lock_path), "%s.lock", listener->path);
    if (take_lock(listener, err) != KY_OK) {
        listener->path[0] = '\0';
        goto fail;
    }
    (void)unlink(listener->path);
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    memcpy(address.sun_path, listener->path, (size_t)size + 1);
    int fd = open_socket((const struct sockaddr *)(const void *)&address, sizeof(address));
    if (fd < 0) {
        (void)ky_error_set_errno(err, KY_IO_ERROR, errno, "could not listen on socket \"%s\"",
                                 listener->path);
        goto fail;
    }
    add_socket(listener, fd);
    if (chmod(listener->path, 0777) != 0) {
        (void)ky_error_set_errno(err, KY_IO_ERROR, errno,
                                 "could not set permissions of socket \"%s\"", listener->path);
        goto fail;
    }
    *listener_out = listener;
    return KY_OK;
fail:
    listener_close(listener);
    return KY_ERR;
}

int
listener_port(const struct listener *listener)
{
    return listener->port;
}

void
listener_close(struct listener *listener)
{
    if (listener == NULL) {
        return;
    }
    loop_timer_stop(&listener->pause);
    for (int i = 0; i < listener->socket_count; i++) {
        event_free(listener->sockets[i].event);
        (void)close(listener->sockets[i].fd);
    }
    if (listener->lock_fd >= 0) {
        if (listener->path[0] != '\0') {
            (void)unlink(listener->path);
        }
        (void)unlink(listener->lock_path);
        (void)close(listener->lock_fd);
    }
    ky_free(listener);
}

/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <limits.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "server/base/arena.h"
#include "server/base/assert.h"
#include "server/net/net.h"

struct stream {
    int fd;          /* owned */
    SSL *ssl;        /* owned; NULL: plain */
    struct tls *tls; /* a reference */
    char alpn[32];
};

struct stream *
stream_new(int fd)
{
    struct stream *stream = ky_calloc(1, sizeof(*stream));
    stream->fd = fd;
    return stream;
}

void
stream_free(struct stream *stream)
{
    if (stream == NULL) {
        return;
    }
    if (stream->ssl != NULL) {
        ERR_clear_error();
        if (SSL_is_init_finished(stream->ssl) != 0) {
            (void)SSL_shutdown(stream->ssl);
        }
        SSL_free(stream->ssl);
        ERR_clear_error();
        tls_release(stream->tls);
    }
    (void)close(stream->fd);
    ky_free(stream);
}

int
stream_fd(const struct stream *stream)
{
    return stream->fd;
}

void
stream_start_tls(struct stream *stream, struct tls *tls)
{
    KY_ASSERT(stream->ssl == NULL);
    stream->tls = tls_acquire(tls);
    stream->ssl = SSL_new(tls_context(tls));
    KY_ASSERT(stream->ssl != NULL);
    int is_set = SSL_set_fd(stream->ssl, stream->fd);
    KY_ASSERT(is_set == 1);
    SSL_set_accept_state(stream->ssl);
}

bool
stream_has_tls(const struct stream *stream)
{
    return stream->ssl != NULL;
}

bool
stream_is_ready(const struct stream *stream)
{
    return stream->ssl == NULL || SSL_is_init_finished(stream->ssl) != 0;
}

const char *
stream_alpn(struct stream *stream)
{
    if (stream->ssl == NULL) {
        return "";
    }
    const unsigned char *name;
    unsigned int size;
    SSL_get0_alpn_selected(stream->ssl, &name, &size);
    size = KY_MIN(size, (unsigned int)sizeof(stream->alpn) - 1);
    if (size > 0) {
        memcpy(stream->alpn, name, size);
    }
    stream->alpn[size] = '\0';
    return stream->alpn;
}

const char *
stream_tls_version(const struct stream *stream)
{
    return stream->ssl == NULL ? "" : SSL_get_version(stream->ssl);
}

const char *
stream_tls_cipher(const struct stream *stream)
{
    return stream->ssl == NULL ? "" : SSL_get_cipher_name(stream->ssl);
}

/* What a failed system call means. */
static enum stream_answer
answer_of_errno(void)
{
    return errno == EAGAIN ? STREAM_AGAIN : STREAM_END; /* EWOULDBLOCK is the same number */
}

/* What a failed OpenSSL call means. */
static enum stream_answer
answer_of_ssl(const struct stream *stream, int result)
{
    int reason = SSL_get_error(stream->ssl, result);
    if (reason == SSL_ERROR_WANT_READ || reason == SSL_ERROR_WANT_WRITE) {
        return STREAM_AGAIN;
    }
    ERR_clear_error();
    return STREAM_END;
}

enum stream_answer
stream_peek(struct stream *stream, uint8_t *byte_out)
{
    for (;;) {
        ssize_t got = recv(stream->fd, byte_out, 1, MSG_PEEK | MSG_DONTWAIT);
        if (got > 0) {
            return STREAM_OK;
        }
        if (got == 0) {
            return STREAM_END;
        }
        if (errno != EINTR) {
            return answer_of_errno();
        }
    }
}

enum stream_answer
stream_read(struct stream *stream, void *data, size_t size, size_t *size_out)
{
    KY_ASSERT(size > 0);
    if (stream->ssl != NULL) {
        ERR_clear_error();
        int got = SSL_read(stream->ssl, data, (int)KY_MIN(size, (size_t)INT_MAX));
        if (got <= 0) {
            return answer_of_ssl(stream, got);
        }
        *size_out = (size_t)got;
        return STREAM_OK;
    }
    for (;;) {
        ssize_t got = recv(stream->fd, data, size, MSG_DONTWAIT);
        if (got > 0) {
            *size_out = (size_t)got;
            return STREAM_OK;
        }
        if (got == 0) {
            return STREAM_END;
        }
        if (errno != EINTR) {
            return answer_of_errno();
        }
    }
}

enum stream_answer
stream_write(struct stream *stream, const void *data, size_t size, size_t *size_out)
{
    KY_ASSERT(size > 0);
    if (stream->ssl != NULL) {
        ERR_clear_error();
        int put = SSL_write(stream->ssl, data, (int)KY_MIN(size, (size_t)INT_MAX));
        if (put <= 0) {
            return answer_of_ssl(stream, put);
        }
        *size_out = (size_t)put;
        return STREAM_OK;
    }
    for (;;) {
        ssize_t put = send(stream->fd, data, size, MSG_DONTWAIT | MSG_NOSIGNAL);
        if (put > 0) {
            *size_out = (size_t)put;
            return STREAM_OK;
        }
        if (put < 0 && errno == EINTR) {
            continue;
        }
        return put == 0 ? STREAM_AGAIN : answer_of_errno();
    }
}

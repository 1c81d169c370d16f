/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <libgen.h>
#include <limits.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "server/base/clock.h"
#include "server/session/copy_private.h"
#include "server/session/rights.h"

/*
 * COPY FROM and TO a file of the server's machine. Reading and writing it blocks, so both run on
 * long turns only. The file's bytes go the way of the client's: COPY FROM feeds them to
 * copy_in_data, COPY TO has a sink of its own. A write that fails is remembered and ends the
 * statement at its next turn.
 */

enum { FILE_CHUNK = 256 * 1024, FILE_MODE = 0644 };

struct copy_file {
    int fd; /* -1: closed */
    bool is_from;
    int write_errno;         /* of the first write that failed; 0: none */
    struct ky_buffer buffer; /* FROM: what was read last; TO: not yet written */
    struct result_sink sink; /* TO */
};

static enum ky_sqlstate
state_of(int number)
{
    switch (number) {
    case ENOENT:
        return KY_UNDEFINED_FILE;
    case EACCES:
    case EPERM:
    case EROFS:
        return KY_INSUFFICIENT_PRIVILEGE;
    case EISDIR:
    case ENOTDIR:
        return KY_WRONG_OBJECT_TYPE;
    case ENOSPC:
    case EDQUOT:
        return KY_DISK_FULL;
    case EMFILE:
    case ENFILE:
        return KY_INSUFFICIENT_RESOURCES;
    default:
        return KY_IO_ERROR;
    }
}

/* ------------------------------------------------------------------ opening */

static ky_status
open_error(const char *path, bool is_from, int number, struct ky_error *err)
{
    (void)ky_error_set_errno(err, state_of(number), number, "could not open file \"%s\" for %s",
                             path, is_from ? "reading" : "writing");
    if (number == ENOENT || number == EACCES) {
        (void)ky_error_hint(err,
                            "COPY %s instructs the server process to %s a file. You may want a "
                            "client-side facility such as psql's \\copy.",
                            is_from ? "FROM" : "TO", is_from ? "read" : "write");
    }
    return KY_ERR;
}

/* Where opening the path to write would make or find its file: the directory of one that is not
 * there, also behind a link that leads nowhere yet. False: opening it fails. */
static bool
resolve(const char *path, char real_path[PATH_MAX])
{
    enum { LINKS_MAX = 40 }; /* as the kernel follows */
    char at[PATH_MAX];
    if ((size_t)snprintf(at, sizeof at, "%s", path) >= sizeof at) {
        return false;
    }
    for (int links = 0; links < LINKS_MAX; links++) {
        if (realpath(at, real_path) != NULL) {
            return true;
        }
        char target[PATH_MAX];
        const ssize_t size = readlink(at, target, sizeof target - 1);
        char dir[PATH_MAX];
        memcpy(dir, at, sizeof dir);
        if (size < 0) {
            return realpath(dirname(dir), real_path) != NULL;
        }
        target[size] = '\0';
        const int length = target[0] == '/'
                               ? snprintf(at, sizeof at, "%s", target)
                               : snprintf(at, sizeof at, "%s/%s", dirname(dir), target);
        if (length < 0 || (size_t)length >= sizeof at) {
            return false;
        }
    }
    return false;
}

/* Does the file lie in this directory, however its path is written? */
static bool
lies_in(const char *path, const char *dir)
{
    char real_dir[PATH_MAX];
    char real_path[PATH_MAX];
    if (dir == NULL || realpath(dir, real_dir) == NULL) {
        return false;
    }
    if (!resolve(path, real_path)) {
        return false; /* opening it will fail */
    }
    const size_t size = strlen(real_dir);
    return strncmp(real_path, real_dir, size) == 0 &&
           (real_path[size] == '/' || real_path[size] == '\0');
}

ky_status
copy_file_allow(const struct session *session, const struct cat_image *image,
                const struct ast_copy *statement, struct ky_error *err)
{
    const bool is_from = statement->is_from;
    if (statement->file == NULL) {
        return KY_OK;
    }
    if (session->is_http) {
        return ky_error_set(err, KY_FEATURE_NOT_SUPPORTED,
                            "COPY to or from a file is not supported over HTTP");
    }
    if (!rights_owns(session, image,
                     is_from ? OID_ROLE_READ_SERVER_FILES : OID_ROLE_WRITE_SERVER_FILES)) {
        (void)ky_error_set(err, KY_INSUFFICIENT_PRIVILEGE,
                           "must be superuser or have privileges of the %s role to COPY %s a file",
                           is_from ? "pg_read_server_files" : "pg_write_server_files",
                           is_from ? "from" : "to");
        return ky_error_hint(err, "Anyone can COPY to stdout or from stdin. psql's \\copy command "
                                  "also works for anyone.");
    }
    return KY_OK;
}

static ky_status
check_path(const struct session *session, const char *path, bool is_from, struct ky_error *err)
{
    if (!is_from && path[0] != '/') {
        return ky_error_set(err, KY_INVALID_NAME, "relative path not allowed for COPY to file");
    }
    if (!is_from && lies_in(path, session->server->options.data_dir)) {
        return ky_error_set(
            err, KY_INSUFFICIENT_PRIVILEGE,
            "could not open file \"%s\" for writing: it lies in the server's data directory", path);
    }
    return KY_OK;
}

/* Nothing that a read or write could wait for without end. O_NONBLOCK: nor the open. */
static ky_status
check_kind(int fd, const char *path, bool is_from, uint64_t *size_out, struct ky_error *err)
{
    struct stat status;
    if (fstat(fd, &status) != 0) {
        return ky_error_set_errno(err, state_of(errno), errno, "could not stat file \"%s\"", path);
    }
    if (S_ISDIR(status.st_mode)) {
        return ky_error_set(err, KY_WRONG_OBJECT_TYPE, "\"%s\" is a directory", path);
    }
    if (!S_ISREG(status.st_mode) && !S_ISCHR(status.st_mode)) {
        return ky_error_set(err, KY_WRONG_OBJECT_TYPE, "\"%s\" is not a regular file", path);
    }
    *size_out = S_ISREG(status.st_mode) ? (uint64_t)status.st_size : 0;
    if (!is_from && S_ISREG(status.st_mode) && ftruncate(fd, 0) != 0) {
        return open_error(path, false, errno, err);
    }
    return KY_OK;
}

ky_status
copy_file_open(const struct session *session, struct copy *copy, const struct ast_copy *statement,
               struct ky_error *err)
{
    const bool is_from = statement->is_from;
    const char *path = statement->file;
    uint64_t size = 0;
    KY_TRY(check_path(session, path, is_from, err));
    const char *full = path;
    if (path[0] != '/' && path[0] != '\0') {
        full = ky_arena_printf(&copy->arena, "%s/%s", session->server->options.data_dir, path);
    }
    const int flags = is_from ? O_RDONLY : O_WRONLY | O_CREAT;
    const int fd = open(full, flags | O_NONBLOCK | O_NOCTTY | O_CLOEXEC, FILE_MODE);
    if (fd < 0) {
        return open_error(path, is_from, errno, err);
    }
    if (check_kind(fd, path, is_from, &size, err) != KY_OK) {
        (void)close(fd);
        return KY_ERR;
    }
    copy->file = ky_calloc(1, sizeof(*copy->file));
    copy->file->fd = fd;
    copy->file->is_from = is_from;
    copy->file_size = is_from ? size : 0;
    return KY_OK;
}

void
copy_file_close(struct copy *copy)
{
    if (copy->file != NULL) {
        if (copy->file->fd >= 0) {
            (void)close(copy->file->fd);
        }
        ky_buffer_deinit(&copy->file->buffer);
        ky_free(copy->file);
        copy->file = NULL;
    }
}

/* ------------------------------------------------------------------ FROM */

bool
copy_is_file(const struct copy *copy)
{
    return copy->file != NULL;
}

bool
copy_is_from_file(const struct copy *copy)
{
    return copy->file != NULL && copy->file->is_from;
}

/* The next piece; empty at the end. */
static ky_status
read_piece(struct copy_file *file, struct ky_slice *piece_out, struct ky_error *err)
{
    ssize_t size;
    ky_buffer_clear(&file->buffer);
    uint8_t *bytes = ky_buffer_extend(&file->buffer, FILE_CHUNK);
    do {
        size = read(file->fd, bytes, FILE_CHUNK);
    } while (size < 0 && errno == EINTR);
    if (size < 0) {
        return ky_error_set_errno(err, state_of(errno), errno, "could not read from COPY file");
    }
    *piece_out = ky_slice(bytes, (size_t)size);
    return KY_OK;
}

enum session_answer
copy_file_run(struct session *session, struct ky_error *err)
{
    struct copy *copy = session->copy;
    uint64_t row_count = 0;
    if (session->place < SESSION_ON_LONG) {
        return session_yield(session, SESSION_NEEDS_LONG_TURN);
    }
    for (;;) {
        enum session_answer answer = copy_in_resume(session, &row_count, err);
        if (answer != SESSION_DONE) {
            return answer;
        }
        if (copy->is_last) {
            (void)snprintf(session->tag, sizeof(session->tag), "COPY %" PRIu64, row_count);
            copy_free(copy);
            session->copy = NULL;
            return SESSION_DONE;
        }
        if (session_is_cancelled(session)) {
            (void)ky_error_set(err, KY_QUERY_CANCELED, "canceling statement due to user request");
            return SESSION_ERROR;
        }
        if (ky_monotonic_ns() >= session_turn_end_ns(session)) {
            return session_yield(session, SESSION_NEEDS_LONG_TURN);
        }
        struct ky_slice piece;
        if (read_piece(copy->file, &piece, err) != KY_OK) {
            return SESSION_ERROR;
        }
        copy->is_last = piece.size == 0;
        answer = copy_in_data(session, piece, err);
        if (answer != SESSION_DONE) {
            return answer;
        }
    }
}

/* ------------------------------------------------------------------ TO */

static void
write_out(struct copy_file *file)
{
    size_t written = 0;
    while (written < file->buffer.size && file->write_errno == 0) {
        const ssize_t size =
            write(file->fd, file->buffer.data + written, file->buffer.size - written);
        if (size < 0 && errno != EINTR) {
            file->write_errno = errno;
        }
        written += size > 0 ? (size_t)size : 0;
    }
    ky_buffer_clear(&file->buffer);
}

static struct copy_file *
file_of(struct result_sink *sink)
{
    return (struct copy_file *)(void *)((char *)sink - offsetof(struct copy_file, sink));
}

static void
no_stream(struct result_sink *sink KY_UNUSED, uint16_t column_count KY_UNUSED,
          int16_t format KY_UNUSED)
{
}

static bool
take_data(struct result_sink *sink, struct ky_slice data)
{
    struct copy_file *file = file_of(sink);
    ky_buffer_append_slice(&file->buffer, data);
    if (file->buffer.size >= FILE_CHUNK) {
        write_out(file);
    }
    return true;
}

static void
take_end(struct result_sink *sink)
{
    struct copy_file *file = file_of(sink);
    write_out(file);
    /* Some file systems say only now that they had no room. */
    if (close(file->fd) != 0 && file->write_errno == 0) {
        file->write_errno = errno;
    }
    file->fd = -1;
}

struct result_sink *
copy_file_sink(struct copy *copy)
{
    copy->file->sink = (struct result_sink){
        .copy_out = no_stream, .copy_data = take_data, .copy_out_end = take_end};
    return &copy->file->sink;
}

ky_status
copy_file_check(const struct copy *copy, struct ky_error *err)
{
    const int number = copy->file == NULL ? 0 : copy->file->write_errno;
    return number == 0
               ? KY_OK
               : ky_error_set_errno(err, state_of(number), number, "could not write to COPY file");
}

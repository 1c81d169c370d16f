/* SPDX-License-Identifier: Apache-2.0 */
#include <inttypes.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "server/base/assert.h"
#include "server/base/log.h"
#include "server/base/mutex.h"
#include "storage/io/io.h"
#include "storage/log/log.h"

/*
 * Several threads commit into one log on the real disk, each waiting for its own commits, while
 * another reads frames and events back. Then the log is opened again: every acknowledged commit is
 * there once, each thread's in its order, events dense.
 */
enum { WRITERS = 4, COMMITS = 3000, SEGMENT_SIZE = 256 * 1024 };

struct writer {
    struct ky_thread thread;
    struct log *log;
    uint32_t index;
    struct ky_mutex lock;
    struct ky_cond answered;
    bool is_answered;
    uint32_t installed;
    struct log_entry entry;
};

static _Atomic bool is_over;
static uint32_t last_seen[WRITERS];
static event_offset_t next_event;
static uint32_t seen_count;

static void
must(bool is_true, const char *what)
{
    if (!is_true) {
        (void)fprintf(stderr, "log_stress: %s\n", what);
        abort();
    }
}

static void
fatal(void *arg, const struct ky_error *err)
{
    (void)arg;
    must(false, err->message);
}

static void
install(struct log_entry *entry)
{
    KY_CONTAINER_OF(entry, struct writer, entry)->installed++;
}

static void
done(struct log_entry *entry, ky_status status, const struct ky_error *err)
{
    struct writer *writer = KY_CONTAINER_OF(entry, struct writer, entry);
    must(status == KY_OK, err == NULL ? "refused" : err->message);
    ky_mutex_lock(&writer->lock);
    writer->is_answered = true;
    ky_cond_signal(&writer->answered);
    ky_mutex_unlock(&writer->lock);
}

static size_t
fill_frame(uint8_t *frame, uint32_t writer, uint32_t commit)
{
    uint8_t body[600];
    size_t size = 8 + (commit * 37 + writer * 11) % 500;
    memset(body, (int)(writer + commit), size);
    memcpy(body, &commit, sizeof(commit));
    struct record record = {.type = RECORD_INSERT,
                            .flags = RECORD_IS_EVENT,
                            .rel = writer + 1,
                            .row_id = commit + 1,
                            .frame_back = FRAME_HEADER_SIZE,
                            .body = ky_slice(body, size)};
    record_encode(frame + FRAME_HEADER_SIZE, &record);
    return FRAME_HEADER_SIZE + record_size(size);
}

static void *
write_all(void *arg)
{
    struct writer *writer = arg;
    uint8_t frame[1024];
    for (uint32_t commit = 0; commit < COMMITS; commit++) {
        writer->entry = (struct log_entry){
            .frame = frame,
            .size = (uint32_t)fill_frame(frame, writer->index, commit),
            .flags = FRAME_COMMIT,
            .is_async = commit % 16 == 5,
            .may_sync_here = commit % 4 == 2,
            .record_count = 1,
            .event_count = 1,
            .txid = (uint64_t)commit * WRITERS + writer->index + 1,
            .install = install,
            .done = done,
        };
        writer->is_answered = false;
        log_submit(writer->log, &writer->entry);
        ky_mutex_lock(&writer->lock);
        while (!writer->is_answered) {
            ky_cond_wait(&writer->answered, &writer->lock);
        }
        ky_mutex_unlock(&writer->lock);
        must(writer->installed == commit + 1, "answered before it was installed");
        must(log_visible_lsn(writer->log) >= writer->entry.lsn + writer->entry.size,
             "answered before it was visible");
    }
    return NULL;
}

static void *
read_all(void *arg)
{
    struct log *log = arg;
    uint64_t state = 1;
    while (!atomic_load(&is_over)) {
        event_offset_t next = log_next_event(log);
        if (next == 0) {
            (void)usleep(100);
            continue;
        }
        state = state * 6364136223846793005u + 1;
        event_offset_t event = (state >> 33) % next;
        lsn_t lsn = log_find_event(log, event);
        struct frame frame;
        struct ky_error err = {0};
        must(lsn != 0 && lsn != LSN_MAX, "an event is missing");
        must(log_frame_at(log, lsn, &frame, &err) == KY_OK, err.message);
        must(frame.first_event == event, "another event was found");
        struct record record;
        must(record_decode(frame.records, true, &record, &err) == KY_OK, err.message);
        struct log_stats stats;
        log_stats(log, &stats);
        must(stats.durable_lsn <= stats.written_lsn || stats.written_lsn != 0, "bad numbers");
    }
    return NULL;
}

static ky_status
apply(void *arg, const struct frame *frame, struct ky_error *err)
{
    (void)arg;
    struct record record;
    KY_TRY(record_decode(frame->records, true, &record, err));
    must(frame->first_event == next_event, "events are not dense");
    next_event += frame->event_count;
    uint32_t commit = 0;
    memcpy(&commit, record.body.data, sizeof(commit));
    must(record.rel >= 1 && record.rel <= WRITERS, "unknown writer");
    must(last_seen[record.rel - 1] == commit, "a writer's commits are out of order");
    last_seen[record.rel - 1]++;
    seen_count++;
    return KY_OK;
}

static struct log *
open_log(const char *dir)
{
    struct log_options options = {.io = io_disk(),
                                  .dir = dir,
                                  .segment_size = SEGMENT_SIZE,
                                  .spare_segments = 1,
                                  .system_id = "stress",
                                  .on_fatal = fatal};
    struct log *log = NULL;
    struct ky_error err = {0};
    memset(last_seen, 0, sizeof(last_seen));
    next_event = seen_count = 0;
    must(log_open(&options, 0, apply, NULL, &log, &err) == KY_OK, err.message);
    return log;
}

static void
run(const char *dir)
{
    static struct writer writers[WRITERS];
    struct ky_thread reader;
    struct log *log = open_log(dir);
    must(seen_count == 0, "a new log has commits");
    ky_thread_start(&reader, "reader", read_all, log);
    for (uint32_t i = 0; i < WRITERS; i++) {
        writers[i].log = log;
        writers[i].index = i;
        ky_mutex_init(&writers[i].lock);
        ky_cond_init(&writers[i].answered);
        ky_thread_start(&writers[i].thread, "writer", write_all, &writers[i]);
    }
    for (uint32_t i = 0; i < WRITERS; i++) {
        ky_thread_join(&writers[i].thread);
        ky_cond_deinit(&writers[i].answered);
        ky_mutex_deinit(&writers[i].lock);
    }
    atomic_store(&is_over, true);
    ky_thread_join(&reader);
    log_close(log);
    for (int round = 0; round < 2; round++) {
        log = open_log(dir);
        must(seen_count == WRITERS * COMMITS, "commits are missing");
        log_close(log);
    }
}

static void
remove_entry(void *arg, const char *name)
{
    char *path = io_path(arg, name);
    (void)unlink(path);
    free(path);
}

static void
remove_dir(const char *dir)
{
    struct ky_error ignored = {0};
    char *log_dir = io_path(dir, "log");
    (void)(io_list(io_disk(), log_dir, remove_entry, log_dir, &ignored) == KY_OK);
    (void)rmdir(log_dir);
    free(log_dir);
    char *copy = strdup(dir);
    (void)(io_list(io_disk(), dir, remove_entry, copy, &ignored) == KY_OK);
    free(copy);
    (void)rmdir(dir);
}

int
main(void)
{
    ky_log_set_level(KY_LOG_WARN);
    char dir[] = "/tmp/kyro-log-stress-XXXXXX";
    must(mkdtemp(dir) != NULL, "no directory");
    run(dir);
    remove_dir(dir);
    (void)puts("log_stress: ok");
    return 0;
}

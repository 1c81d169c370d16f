/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "server/access/relation_stats.h"
#include "server/base/arena.h"
#include "server/base/clock.h"
#include "server/base/cpu.h"
#include "server/base/log.h"
#include "server/http/http.h"
#include "server/main/autotune.h"
#include "server/main/checkpointer.h"
#include "server/main/config.h"
#include "server/main/offline.h"
#include "server/net/net.h"
#include "server/pgwire/pgwire.h"
#include "server/session/autoanalyze.h"
#include "server/session/events.h"
#include "server/session/session.h"
#include "storage/io/map_guard.h"
#include "storage/storage.h"

/* Process exit codes: 0 good, 1 could not start, 2 usage, 3 the log failed (see fatal_log) or a
 * mapped file could not be read. */
enum { EXIT_START = 1, EXIT_USAGE = 2, EXIT_LOG = 3 };
/* What runs at SIGTERM has so long to end by itself; SIGINT cancels it at once. */
enum { TICK_MS = 50, LOOPS_MAX = 16, STOP_GRACE_MS = 5000, COMPACTION_POLL_MS = 1000 };

struct program {
    struct config config;
    struct autotune tune;
    struct loop *loops[LOOPS_MAX]; /* the first one has the timers and HTTP */
    int loop_count;
    int main_loop_count; /* the first ones */
    int64_t grace_ms;
    struct pool *pool;
    struct tls *tls;
    struct storage *storage;
    struct catalog *catalog;
    struct access *access;
    struct server *server;
    struct pgwire *pgwire;
    struct http *http;
    struct checkpointer *checkpointer;
    struct autoanalyze *autoanalyze;
    struct loop_timer tick;
    int64_t start_ns;
};

/* ------------------------------------------------------------------ words on the command line */

static void
print_help(void)
{
    (void)printf(
        "kyrodb %s: a PostgreSQL-compatible SQL server on a durable event log\n\n"
        "  kyrodb serve [HOST] [HTTP_PORT] [options]   run the server\n"
        "  kyrodb check-config [options]               check the configuration\n"
        "  kyrodb verify --data-dir DIR                check every checksum of a stopped server's "
        "data\n"
        "  kyrodb restore --from BACKUP --data-dir DIR [--log DIR] [--to-lsn LSN] [--to-time "
        "TIME]\n"
        "  kyrodb recover --truncate-at LSN --data-dir DIR\n"
        "                                              end a damaged log before the damage\n"
        "  kyrodb --version | --help\n\n"
        "Options (also KYRODB_<NAME> in the environment, `name = value` in kyrodb.conf):\n",
        KYRO_VERSION);
    for (int i = 0; i < CONFIG_COUNT; i++) {
        (void)printf("  --%-20s %s%s%s%s\n", config_name((enum config_id)i),
                     config_help((enum config_id)i),
                     config_default((enum config_id)i)[0] == '\0' ? "" : " (",
                     config_default((enum config_id)i),
                     config_default((enum config_id)i)[0] == '\0' ? "" : ")");
    }
}

static int
complain(const struct ky_error *err, int code)
{
    (void)fprintf(stderr, "kyrodb: %s\n", err->message);
    if (err->detail[0] != '\0') {
        (void)fprintf(stderr, "DETAIL:  %s\n", err->detail);
    }
    if (err->hint[0] != '\0') {
        (void)fprintf(stderr, "HINT:  %s\n", err->hint);
    }
    return code;
}

static int
run_check_config(int argc, char **argv)
{
    struct config config;
    struct ky_error err;
    ky_error_init(&err);
    config_init(&config);
    ky_status status = config_load(&config, argc, argv, &err);
    for (int i = 0; status == KY_OK && i < CONFIG_COUNT; i++) {
        bool is_secret = i == CONFIG_PASSWORD || i == CONFIG_AUTH_TOKEN;
        bool is_set = config.values[i][0] != '\0';
        (void)printf("%s = '%s'  # %s\n", config_name((enum config_id)i),
                     is_secret && is_set ? "********" : config.values[i],
                     config_source_name(config.sources[i]));
    }
    config_deinit(&config);
    return status == KY_OK ? 0 : complain(&err, EXIT_USAGE);
}

/* ------------------------------------------------------------------ what storage tells */

/* A failed write or sync of the log: what waits for an answer will not get one, because nobody
 * knows what is on the disk. Recovery decides. No handler runs, nothing is flushed. */
static void
fatal_log(void *arg, const struct ky_error *err)
{
    (void)arg;
    ky_log(ERROR, "log", "the log cannot go on, stopping: %s", err->message);
    _exit(EXIT_LOG);
}

static void
became_visible(void *arg)
{
    struct program *program = arg;
    if (program->server != NULL) {
        server_notify_visible(program->server);
    }
}

static void
recovery_progress(void *arg, int percent)
{
    struct program *program = arg;
    if (program->http != NULL) {
        http_set_progress(program->http, percent);
    }
}

/* ------------------------------------------------------------------ starting */

static ky_status
make_data_dir(const char *dir, struct ky_error *err)
{
    char path[4096];
    if (mkdir(dir, 0700) != 0 && errno != EEXIST) {
        return ky_error_set_errno(err, KY_IO_ERROR, errno, "could not create data directory \"%s\"",
                                  dir);
    }
    (void)snprintf(path, sizeof(path), "%s/tmp", dir);
    if (mkdir(path, 0700) != 0 && errno != EEXIST) {
        return ky_error_set_errno(err, KY_IO_ERROR, errno, "could not create directory \"%s\"",
                                  path);
    }
    return KY_OK;
}

static struct storage_retention
retention(const struct program *program)
{
    return (struct storage_retention){
        .bytes = config_size(&program->config, CONFIG_LOG_RETENTION_BYTES),
        .seconds = config_seconds(&program->config, CONFIG_LOG_RETENTION_TIME),
        .reader_bytes = config_size(&program->config, CONFIG_MAX_SLOT_KEEP_BYTES),
    };
}

static uint64_t
disk_reserve(const struct program *program)
{
    const char *text = config_text(&program->config, CONFIG_DISK_RESERVE);
    return strcmp(text, "auto") == 0 ? STORAGE_RESERVE_AUTO
                                     : config_size(&program->config, CONFIG_DISK_RESERVE);
}

static ky_status
open_storage(struct program *program, struct ky_error *err)
{
    const struct storage_options options = {
        .dir = config_text(&program->config, CONFIG_DATA_DIR),
        .segment_size = config_size(&program->config, CONFIG_SEGMENT_SIZE),
        .is_sync_off = !config_bool(&program->config, CONFIG_FSYNC),
        .retention = retention(program),
        .compaction_poll_ms = COMPACTION_POLL_MS,
        .compaction_rate = config_size(&program->config, CONFIG_COMPACTION_RATE),
        .reserve_size = disk_reserve(program),
        .on_fatal = fatal_log,
        .on_visible = became_visible,
        .on_progress = recovery_progress,
        .arg = program,
    };
    if (options.is_sync_off) {
        ky_log(WARN, "main", "fsync is off: a power failure loses acknowledged commits");
    }
    KY_TRY(storage_open(&options, &program->storage, err));
    server_register_builtins();
    KY_TRY(catalog_open(program->storage, &program->catalog, err));
    return access_open(program->storage, program->catalog, program->tune.vector_memory,
                       &program->access, err);
}

static ky_status
load_tls(struct program *program, struct ky_error *err)
{
    const char *cert = config_text(&program->config, CONFIG_TLS_CERT);
    if (cert[0] != '\0') {
        return tls_load(cert, config_text(&program->config, CONFIG_TLS_KEY), &program->tls, err);
    }
    if (strcmp(config_text(&program->config, CONFIG_TLS), "auto") == 0) {
        return tls_load_auto(config_text(&program->config, CONFIG_DATA_DIR), &program->tls, err);
    }
    return KY_OK;
}

static void
statement_sleeps(void *arg, bool is_asleep)
{
    struct program *program = arg;
    if (is_asleep) {
        pool_sleep_begin(program->pool);
    } else {
        pool_sleep_end(program->pool);
    }
}

/* Settings that clients can SHOW and that follow from the configuration. */
static ky_status
make_server(struct program *program, struct ky_error *err)
{
    static char work_mem[32];
    static char temp_dir[4096];
    static char retention_bytes[32];
    static char reader_bytes[32];
    const char *pairs[] = {
        "port",
        config_text(&program->config, CONFIG_PORT),
        "max_connections",
        config_text(&program->config, CONFIG_MAX_CONNECTIONS),
        "fsync",
        config_bool(&program->config, CONFIG_FSYNC) ? "on" : "off",
        "ssl",
        program->tls != NULL ? "on" : "off",
        "work_mem",
        work_mem,
        "log_retention_bytes",
        retention_bytes,
        "log_retention_time",
        config_text(&program->config, CONFIG_LOG_RETENTION_TIME),
        "max_slot_keep_bytes",
        reader_bytes,
        NULL,
    };
    static const char *kept[KY_COUNT_OF(pairs)];
    (void)snprintf(work_mem, sizeof(work_mem), "%" PRIu64, program->tune.work_mem / 1024);
    const struct storage_retention kept_log = retention(program);
    (void)snprintf(retention_bytes, sizeof(retention_bytes), "%" PRIu64, kept_log.bytes / 1024);
    (void)snprintf(reader_bytes, sizeof(reader_bytes), "%" PRIu64, kept_log.reader_bytes / 1024);
    (void)snprintf(temp_dir, sizeof(temp_dir), "%s/tmp",
                   config_text(&program->config, CONFIG_DATA_DIR));
    memcpy(kept, pairs, sizeof(pairs));
    const struct server_options options = {
        .storage = program->storage,
        .catalog = program->catalog,
        .access = program->access,
        .memory = program->tune.memory,
        .max_connections = (uint32_t)config_port(&program->config, CONFIG_MAX_CONNECTIONS),
        .data_dir = config_text(&program->config, CONFIG_DATA_DIR),
        .temp_dir = temp_dir,
        .version = KYRO_VERSION,
        .settings = kept,
        .autotune = program->tune.text,
        .sleeping = statement_sleeps,
        .arg = program,
    };
    program->server = server_new(&options);
    KY_TRY(server_initialize(program->server, config_text(&program->config, CONFIG_PASSWORD), err));
    const char *host = config_text(&program->config, CONFIG_HOST);
    if (!server_has_password(program->server) && !net_host_is_loopback(host)) {
        (void)ky_error_set(err, KY_CONFIG_FILE_ERROR,
                           "protected mode: role \"postgres\" has no password, so listening on %s "
                           "is refused",
                           host);
        return ky_error_hint(err, "Set KYRODB_PASSWORD, or listen on 127.0.0.1.");
    }
    return KY_OK;
}

static void
tick(void *arg)
{
    struct program *program = arg;
    server_tick(program->server);
}

static ky_status
start_http(struct program *program, struct ky_error *err)
{
    int port = config_port(&program->config, CONFIG_HTTP_PORT);
    if (port == 0) {
        return KY_OK;
    }
    const struct http_options options = {
        .loop = program->loops[0],
        .pool = program->pool,
        .tls = program->tls,
        .host = config_text(&program->config, CONFIG_HOST),
        .port = port,
        .token = config_text(&program->config, CONFIG_AUTH_TOKEN),
        .version = KYRO_VERSION,
    };
    return http_start(&options, &program->http, err);
}

static ky_status
start_pgwire(struct program *program, struct ky_error *err)
{
    const struct pgwire_options options = {
        .loops = program->loops,
        .loop_count = program->loop_count,
        .main_loop_count = program->main_loop_count,
        .pool = program->pool,
        .tls = program->tls,
        .server = program->server,
        .host = config_text(&program->config, CONFIG_HOST),
        .port = config_port(&program->config, CONFIG_PORT),
        .socket_dir = config_text(&program->config, CONFIG_SOCKET_DIR),
        .may_poll = config_bool(&program->config, CONFIG_BUSY_POLL) && ky_cpu()->core_count > 1,
    };
    return pgwire_start(&options, &program->pgwire, err);
}

static void
announce(const struct program *program)
{
    const char *host = config_text(&program->config, CONFIG_HOST);
    int port = config_port(&program->config, CONFIG_PORT);
    int http_port = config_port(&program->config, CONFIG_HTTP_PORT);
    (void)printf("KyroDB %s is ready (%" PRId64 " ms)\n", KYRO_VERSION,
                 (ky_monotonic_ns() - program->start_ns) / 1000000);
    (void)printf("  psql -h %s -p %d -U postgres postgres\n", host, port);
    if (http_port != 0) {
        (void)printf("  %s://%s:%d/\n", program->tls != NULL ? "https" : "http", host, http_port);
    }
    (void)fflush(stdout);
}

/* Loops run short statements, so a machine with many cores has several; half of them are for
 * connections whose statements are not that short. */
static void
start_loops(struct program *program)
{
    int count = KY_MIN(ky_cpu()->core_count, (int)LOOPS_MAX);
    program->main_loop_count = KY_MAX(count / 2, 1);
    for (int i = 0; i < count; i++) {
        char name[16];
        (void)snprintf(name, sizeof(name), "loop-%d", i);
        program->loops[program->loop_count++] = loop_new(name);
    }
}

static ky_status
start(struct program *program, struct ky_error *err)
{
    const char *data_dir = config_text(&program->config, CONFIG_DATA_DIR);
    KY_TRY(make_data_dir(data_dir, err));
    autotune_choose(&program->tune, data_dir, config_size(&program->config, CONFIG_MEMORY),
                    config_size(&program->config, CONFIG_VECTOR_MEMORY),
                    (int)config_seconds(&program->config, CONFIG_WORKERS),
                    config_size(&program->config, CONFIG_MAX_WAL_SIZE));
    ky_log(INFO, "main", "autotune %s", program->tune.text);
    KY_TRY(load_tls(program, err));
    start_loops(program);
    program->pool = pool_new(program->tune.workers);
    KY_TRY(start_http(program, err));
    for (int i = 0; i < program->loop_count; i++) {
        loop_start(program->loops[i]);
    }
    KY_TRY(open_storage(program, err));
    KY_TRY(make_server(program, err));
    KY_TRY(start_pgwire(program, err));
    if (program->http != NULL) {
        http_set_ready(program->http, program->server);
    }
    program->checkpointer = checkpointer_start(
        program->storage, config_seconds(&program->config, CONFIG_CHECKPOINT_TIMEOUT),
        program->tune.wal_trigger);
    if (config_bool(&program->config, CONFIG_AUTOANALYZE)) {
        program->autoanalyze = autoanalyze_start(
            program->server, config_seconds(&program->config, CONFIG_AUTOANALYZE_NAPTIME));
    }
    announce(program);
    return KY_OK;
}

/* ------------------------------------------------------------------ stopping */

static void
start_tick(void *arg)
{
    struct program *program = arg;
    loop_timer_start(program->loops[0], &program->tick, TICK_MS, true, tick, program);
}

static void
stop_tick(void *arg)
{
    struct program *program = arg;
    loop_timer_stop(&program->tick);
}

static void
final_checkpoint(struct program *program)
{
    struct ky_error err;
    lsn_t lsn;
    ky_error_init(&err);
    access_stats_want_save(program->access);
    if (storage_checkpoint(program->storage, &lsn, &err) != KY_OK) {
        ky_log(ERROR, "main", "checkpoint at shutdown failed: %s", err.message);
    }
}

static void
stop(struct program *program)
{
    checkpointer_stop(program->checkpointer);
    autoanalyze_stop(program->autoanalyze);
    if (program->pgwire != NULL) {
        pgwire_stop(program->pgwire, program->grace_ms);
    }
    if (program->http != NULL) {
        http_stop(program->http);
    }
    if (program->loop_count > 0) {
        loop_post(program->loops[0], stop_tick, program);
    }
    for (int i = 0; i < program->loop_count; i++) {
        loop_stop(program->loops[i]);
    }
    if (program->pool != NULL) {
        pool_free(program->pool);
    }
    pgwire_free(program->pgwire);
    http_free(program->http);
    bool is_started = program->server != NULL;
    server_free(program->server);
    program->server = NULL;
    /* While there still are indexes to save with it. */
    if (is_started) {
        final_checkpoint(program);
    }
    access_close(program->access);
    catalog_close(program->catalog);
    if (program->storage != NULL) {
        storage_close(program->storage);
    }
    for (int i = 0; i < program->loop_count; i++) {
        loop_free(program->loops[i]);
    }
    if (program->tls != NULL) {
        tls_release(program->tls);
    }
    config_deinit(&program->config);
}

static void
reload(struct program *program)
{
    struct ky_error err;
    ky_error_init(&err);
    if (config_reload(&program->config, &err) != KY_OK ||
        config_check(&program->config, &err) != KY_OK) {
        ky_log(ERROR, "main", "configuration not reloaded: %s", err.message);
        return;
    }
    ky_log_set_level(
        (enum ky_log_level)ky_log_level_parse(config_text(&program->config, CONFIG_LOG_LEVEL)));
    const struct storage_retention kept = retention(program);
    storage_set_retention(program->storage, &kept);
    ky_log(INFO, "main", "configuration reloaded");
}

/* Blocks until a signal asks to stop. All threads were started with signals blocked. */
static void
wait_for_stop(struct program *program, const sigset_t *signals)
{
    for (;;) {
        int signal_number = 0;
        if (sigwait(signals, &signal_number) != 0) {
            continue;
        }
        if (signal_number == SIGHUP) {
            reload(program);
            continue;
        }
        ky_log(INFO, "main", "stopping signal=%d", signal_number);
        program->grace_ms = signal_number == SIGINT ? 0 : STOP_GRACE_MS;
        return;
    }
}

static void
raise_file_limit(void)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
        limit.rlim_cur = limit.rlim_max;
        (void)setrlimit(RLIMIT_NOFILE, &limit);
    }
}

static int
run_serve(int argc, char **argv)
{
    static struct program program;
    struct ky_error err;
    sigset_t signals;
    ky_error_init(&err);
    program.start_ns = ky_monotonic_ns();
    config_init(&program.config);
    if (config_load(&program.config, argc, argv, &err) != KY_OK) {
        config_deinit(&program.config);
        return complain(&err, EXIT_USAGE);
    }
    ky_log_set_level(
        (enum ky_log_level)ky_log_level_parse(config_text(&program.config, CONFIG_LOG_LEVEL)));
    raise_file_limit();
    (void)sigemptyset(&signals);
    (void)sigaddset(&signals, SIGTERM);
    (void)sigaddset(&signals, SIGINT);
    (void)sigaddset(&signals, SIGHUP);
    (void)pthread_sigmask(SIG_BLOCK, &signals, NULL);
    (void)signal(SIGPIPE, SIG_IGN);
    if (start(&program, &err) != KY_OK) {
        stop(&program);
        return complain(&err, EXIT_START);
    }
    loop_post(program.loops[0], start_tick, &program);
    wait_for_stop(&program, &signals);
    stop(&program);
    ky_log(INFO, "main", "stopped");
    return 0;
}

int
main(int argc, char **argv)
{
    const char *word = argc > 1 ? argv[1] : "--help";
    map_guard_install(EXIT_LOG);
    if (strcmp(word, "serve") == 0) {
        return run_serve(argc - 2, argv + 2);
    }
    if (strcmp(word, "check-config") == 0) {
        return run_check_config(argc - 2, argv + 2);
    }
    if (strcmp(word, "verify") == 0) {
        return offline_verify(argc - 2, argv + 2);
    }
    if (strcmp(word, "restore") == 0) {
        return offline_restore(argc - 2, argv + 2);
    }
    if (strcmp(word, "recover") == 0) {
        return offline_recover(argc - 2, argv + 2);
    }
    if (strcmp(word, "--version") == 0) {
        (void)printf("kyrodb %s\n", KYRO_VERSION);
        return 0;
    }
    if (strcmp(word, "--help") == 0) {
        print_help();
        return 0;
    }
    (void)fprintf(stderr, "kyrodb: unknown command \"%s\"; see kyrodb --help\n", word);
    return EXIT_USAGE;
}

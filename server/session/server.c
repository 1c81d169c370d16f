/* SPDX-License-Identifier: Apache-2.0 */
#include <inttypes.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/rand.h>

#include "server/base/assert.h"
#include "server/base/clock.h"
#include "server/base/log.h"
#include "server/base/random.h"
#include "server/catalog/acl.h"
#include "server/catalog/views/views.h"
#include "server/exec/index_eval.h"
#include "server/session/catalog/relation_stats.h"
#include "server/session/session_private.h"
#include "server/types/datetime.h"

/* The process-wide side: who is connected, cancel keys, first start, timers, passwords. */

enum { SCRAM_ITERATIONS = 4096, SCRAM_SALT_SIZE = 16, SCRAM_KEY_SIZE = 32 };

void
server_register_builtins(void)
{
    catalog_views_register();
    session_catalog_register();
    session_reg_register();
    session_vector_register();
    session_funcs_register();
    session_advisory_register();
    session_views_register();
    relation_stat_views_register();
    database_stats_register();
    server_stats_register();
    catalog_views_register_rest();
    exec_register_index_evaluator();
    maintenance_register();
    copy_progress_register();
    ddl_analyze_register();
    ddl_build_register();
}

struct server *
server_new(const struct server_options *options)
{
    struct server *server = ky_calloc(1, sizeof(*server));
    server->options = *options;
    ky_mutex_init(&server->lock);
    ky_mutex_init(&server->sequence_lock);
    ky_mutex_init(&server->listener_lock);
    ky_mutex_init(&server->notify_lock);
    ky_list_init(&server->listeners);
    ky_mutex_init(&server->sleep_lock);
    ky_cond_init(&server->sleep_over);
    ky_list_init(&server->sessions);
    server->next_pid = 1;
    server->start_us = ky_wall_us();
    ky_budget_init(&server->memory, "server memory", options->memory, NULL);
    return server;
}

void
server_free(struct server *server)
{
    if (server == NULL) {
        return;
    }
    KY_ASSERT(ky_list_is_empty(&server->sessions));
    size_t cursor = 0;
    uint64_t rel;
    uint64_t state;
    while (ky_map64_next(&server->sequences, &cursor, &rel, &state)) {
        ky_free((void *)(uintptr_t)state);
    }
    ky_map64_deinit(&server->sequences);
    ky_mutex_deinit(&server->sequence_lock);
    ky_mutex_deinit(&server->listener_lock);
    ky_mutex_deinit(&server->notify_lock);
    ky_cond_deinit(&server->sleep_over);
    ky_mutex_deinit(&server->sleep_lock);
    ky_mutex_deinit(&server->lock);
    ky_free(server);
}

struct storage *
server_storage(struct server *server)
{
    return server->options.storage;
}

struct catalog *
server_catalog(struct server *server)
{
    return server->options.catalog;
}

struct access *
server_access(struct server *server)
{
    return server->options.access;
}

uint64_t
server_session_total(struct server *server)
{
    ky_mutex_lock(&server->lock);
    const uint64_t total = server->session_total;
    ky_mutex_unlock(&server->lock);
    return total;
}

uint32_t
server_session_count(struct server *server)
{
    ky_mutex_lock(&server->lock);
    uint32_t count = server->session_count;
    ky_mutex_unlock(&server->lock);
    return count;
}

/* ------------------------------------------------------------------ passwords */

static void
hmac_sha256(const uint8_t key[SCRAM_KEY_SIZE], const char *text, uint8_t out[SCRAM_KEY_SIZE])
{
    unsigned size = SCRAM_KEY_SIZE;
    KY_ASSERT(HMAC(EVP_sha256(), key, SCRAM_KEY_SIZE, (const uint8_t *)text, strlen(text), out,
                   &size) != NULL);
}

/* RFC 5802 section 3: StoredKey = H(HMAC(SaltedPassword, "Client Key")), ServerKey likewise. */
void
scram_build_secret(const char *password, char secret_out[256])
{
    uint8_t salt[SCRAM_SALT_SIZE];
    uint8_t salted[SCRAM_KEY_SIZE];
    uint8_t client_key[SCRAM_KEY_SIZE];
    uint8_t stored_key[SCRAM_KEY_SIZE];
    uint8_t server_key[SCRAM_KEY_SIZE];
    char salt_text[32];
    char stored_text[64];
    char server_text[64];
    unsigned size = SCRAM_KEY_SIZE;
    ky_random_bytes(salt, sizeof(salt));
    KY_ASSERT(PKCS5_PBKDF2_HMAC(password, (int)strlen(password), salt, sizeof(salt),
                                SCRAM_ITERATIONS, EVP_sha256(), sizeof(salted), salted) == 1);
    hmac_sha256(salted, "Client Key", client_key);
    KY_ASSERT(EVP_Digest(client_key, sizeof(client_key), stored_key, &size, EVP_sha256(), NULL) ==
              1);
    hmac_sha256(salted, "Server Key", server_key);
    (void)EVP_EncodeBlock((uint8_t *)salt_text, salt, sizeof(salt));
    (void)EVP_EncodeBlock((uint8_t *)stored_text, stored_key, sizeof(stored_key));
    (void)EVP_EncodeBlock((uint8_t *)server_text, server_key, sizeof(server_key));
    (void)snprintf(secret_out, 256, "SCRAM-SHA-256$%d:%s$%s:%s", SCRAM_ITERATIONS, salt_text,
                   stored_text, server_text);
    OPENSSL_cleanse(salted, sizeof(salted));
    OPENSSL_cleanse(client_key, sizeof(client_key));
}

/* ------------------------------------------------------------------ first start */

struct wait {
    struct ky_mutex lock;
    struct ky_cond done;
    bool is_done;
    ky_status status;
    struct ky_error *err;
};

static void
wait_done(void *arg, ky_status status, const struct txn_result *result, const struct ky_error *err)
{
    struct wait *wait = arg;
    (void)result;
    ky_mutex_lock(&wait->lock);
    wait->is_done = true;
    wait->status = status;
    if (status != KY_OK) {
        *wait->err = *err;
    }
    ky_cond_signal(&wait->done);
    ky_mutex_unlock(&wait->lock);
}

/* Commits catalog changes and waits; for start-up, where there is no session. */
static ky_status
commit_and_wait(struct server *server, struct txn *txn, struct ky_error *err)
{
    struct wait wait = {.err = err};
    struct catalog *catalog = server_catalog(server);
    ky_mutex_init(&wait.lock);
    ky_cond_init(&wait.done);
    catalog_change_begin(catalog);
    txn_commit(txn, TXN_SYNC, wait_done, &wait);
    ky_mutex_lock(&wait.lock);
    while (!wait.is_done) {
        ky_cond_wait(&wait.done, &wait.lock);
    }
    ky_mutex_unlock(&wait.lock);
    catalog_change_end(catalog, storage_visible_lsn(server_storage(server)) - 1);
    ky_cond_deinit(&wait.done);
    ky_mutex_deinit(&wait.lock);
    return wait.status;
}

/* Temporary tables of sessions that a crash ended. */
static ky_status
drop_leftovers(struct server *server, const struct cat_image *image, struct ky_error *err)
{
    struct txn *txn = NULL;
    ky_status status = KY_OK;
    for (size_t i = 0; i < image->schema_count && status == KY_OK; i++) {
        const struct cat_schema *schema = image->schemas[i];
        if (strncmp(schema->name, "pg_temp_", 8) != 0) {
            continue;
        }
        if (txn == NULL) {
            txn = txn_begin(server_storage(server), ISOLATION_READ_COMMITTED);
            txn_statement_begin(txn);
        }
        for (size_t t = 0; t < image->table_count && status == KY_OK; t++) {
            const struct cat_table *table = image->tables[t];
            if (table->schema != schema->oid) {
                continue;
            }
            for (uint16_t c = 0; c < table->constraint_count && status == KY_OK; c++) {
                status = catalog_erase(txn, CAT_CONSTRAINT, table->constraints[c], err);
            }
            for (uint16_t k = 0; k < table->index_count && status == KY_OK; k++) {
                status = catalog_erase(txn, CAT_INDEX, table->indexes[k], err);
            }
            if (status == KY_OK) {
                status = catalog_erase(txn, CAT_TABLE, table, err);
            }
            if (status == KY_OK && cat_keeps_rows(table)) {
                status = storage_drop(txn, table->rel, err);
            }
        }
        if (status == KY_OK) {
            status = catalog_erase(txn, CAT_SCHEMA, schema, err);
        }
    }
    if (txn == NULL) {
        return KY_OK;
    }
    txn_statement_end(txn);
    if (status != KY_OK) {
        txn_rollback(txn);
        return KY_ERR;
    }
    return commit_and_wait(server, txn, err);
}

static ky_status
create_databases(struct txn *txn, struct ky_error *err)
{
    static const struct cat_database databases[] = {
        {.oid = 5, .name = "postgres", .owner = OID_ROLE_POSTGRES, .can_connect = true},
        {.oid = 1,
         .name = "template1",
         .owner = OID_ROLE_POSTGRES,
         .is_template = true,
         .can_connect = true},
        {.oid = 4, .name = "template0", .owner = OID_ROLE_POSTGRES, .is_template = true},
    };
    for (size_t i = 0; i < KY_COUNT_OF(databases); i++) {
        KY_TRY(catalog_insert(txn, CAT_DATABASE, &databases[i], err));
    }
    return KY_OK;
}

/* kyro.events(id, payload): what POST /append appends to. Its rows are the events. */
static ky_status
create_events(struct txn *txn, struct ky_error *err)
{
    static struct cat_column columns[] = {
        {.name = "id", .number = 1, .typmod = -1},
        {.name = "payload", .number = 2, .typmod = -1, .is_not_null = true},
    };
    static struct cat_key keys[] = {{.column = 1}};
    columns[0].type = columns[1].type = keys[0].type = type_get(OID_TEXT);
    columns[0].missing = columns[1].missing = datum_null();
    static struct cat_table table = {.oid = OID_TABLE_EVENTS,
                                     .name = "events",
                                     .schema = OID_SCHEMA_KYRO,
                                     .kind = 'r',
                                     .persistence = 'p',
                                     .rel = OID_TABLE_EVENTS,
                                     .owner = OID_ROLE_POSTGRES,
                                     .columns = columns,
                                     .column_count = 2};
    static struct cat_index index = {.oid = OID_TABLE_EVENTS + 1,
                                     .name = "events_id_key",
                                     .table = &table,
                                     .method = INDEX_BTREE,
                                     .is_unique = true,
                                     .is_valid = true,
                                     .key_count = 1,
                                     .column_count = 1,
                                     .keys = keys,
                                     .constraint = OID_TABLE_EVENTS + 2};
    static const int16_t first[] = {1};
    struct cat_constraint constraint = {.oid = OID_TABLE_EVENTS + 2,
                                        .name = "events_id_key",
                                        .table = &table,
                                        .kind = CONSTRAINT_UNIQUE,
                                        .columns = first,
                                        .column_count = 1,
                                        .index = &index,
                                        .is_validated = true};
    KY_TRY(catalog_insert(txn, CAT_TABLE, &table, err));
    KY_TRY(catalog_insert(txn, CAT_INDEX, &index, err));
    return catalog_insert(txn, CAT_CONSTRAINT, &constraint, err);
}

static ky_status
create_all(struct txn *txn, const char *secret, struct ky_error *err)
{
    static const struct cat_schema schemas[] = {
        {.oid = OID_SCHEMA_PUBLIC, .name = "public", .owner = OID_ROLE_POSTGRES},
        {.oid = OID_SCHEMA_KYRO, .name = "kyro", .owner = OID_ROLE_POSTGRES},
    };
    const struct cat_role role = {.oid = OID_ROLE_POSTGRES,
                                  .name = "postgres",
                                  .is_superuser = true,
                                  .can_login = true,
                                  .can_create_db = true,
                                  .can_create_role = true,
                                  .can_inherit = true,
                                  .can_replicate = true,
                                  .can_bypass_rls = true,
                                  .connection_limit = -1,
                                  .password = secret,
                                  .valid_until = INT64_MAX};
    KY_TRY(catalog_insert(txn, CAT_ROLE, &role, err));
    for (size_t i = 0; i < KY_COUNT_OF(schemas); i++) {
        KY_TRY(catalog_insert(txn, CAT_SCHEMA, &schemas[i], err));
    }
    const struct cat_extension plpgsql = {
        .oid = 13569, .name = "plpgsql", .version = "1.0", .schema = OID_SCHEMA_PG_CATALOG};
    KY_TRY(catalog_insert(txn, CAT_EXTENSION, &plpgsql, err));
    const struct cat_role database_owner = {.oid = OID_ROLE_DATABASE_OWNER,
                                            .name = "pg_database_owner",
                                            .can_inherit = true,
                                            .connection_limit = -1,
                                            .valid_until = INT64_MAX};
    KY_TRY(catalog_insert(txn, CAT_ROLE, &database_owner, err));
    const struct cat_comment public_comment = {
        .class_oid = 2615, .object = OID_SCHEMA_PUBLIC, .text = "standard public schema"};
    KY_TRY(catalog_insert(txn, CAT_COMMENT, &public_comment, err));
    KY_TRY(create_databases(txn, err));
    return create_events(txn, err);
}

/* The superuser of an image, or NULL before the first start. */
static struct cat_role *
superuser_of(struct cat_image *image)
{
    return cat_get_role(image, OID_ROLE_POSTGRES);
}

ky_status
server_current_image(struct server *server, struct cat_image **image_out, struct ky_error *err)
{
    return catalog_acquire(server_catalog(server), NULL, false, image_out, err);
}

static ky_status
set_password(struct txn *txn, struct cat_role *role, const char *secret, struct ky_error *err)
{
    struct cat_role changed = *role;
    changed.password = secret;
    return catalog_update(txn, CAT_ROLE, &changed, err);
}

ky_status
server_initialize(struct server *server, const char *password, struct ky_error *err)
{
    struct cat_image *image;
    char secret[256] = "";
    if (password != NULL && password[0] != '\0') {
        scram_build_secret(password, secret);
    }
    const char *wanted = secret[0] == '\0' ? NULL : secret;
    KY_TRY(server_current_image(server, &image, err));
    struct cat_role *superuser = superuser_of(image);
    bool is_first = superuser == NULL;
    bool sets_password = !is_first && wanted != NULL && superuser->password == NULL;
    ky_status status = KY_OK;
    if (is_first || sets_password) {
        struct txn *txn = txn_begin(server_storage(server), ISOLATION_READ_COMMITTED);
        txn_statement_begin(txn);
        status =
            is_first ? create_all(txn, wanted, err) : set_password(txn, superuser, wanted, err);
        txn_statement_end(txn);
        if (status == KY_OK) {
            status = commit_and_wait(server, txn, err);
        } else {
            txn_rollback(txn);
        }
        ky_log(INFO, "server", "%s", is_first ? "data directory initialized" : "password set");
    }
    if (status == KY_OK) {
        status = drop_leftovers(server, image, err);
    }
    cat_image_release(image);
    if (status == KY_OK && is_first) {
        status = access_refresh(server_access(server), err);
    }
    return status;
}

bool
server_has_password(struct server *server)
{
    struct role_auth auth;
    return server_find_role(server, "postgres", &auth) && auth.secret[0] != '\0';
}

bool
server_find_role(struct server *server, const char *name, struct role_auth *out)
{
    struct cat_image *image;
    struct ky_error err;
    ky_error_init(&err);
    if (server_current_image(server, &image, &err) != KY_OK) {
        ky_log(ERROR, "server", "could not read roles: %s", err.message);
        return false;
    }
    const struct cat_role *role = cat_find_role(image, ky_slice_cstr(name));
    if (role != NULL) {
        *out = (struct role_auth){.oid = role->oid,
                                  .can_login = role->can_login,
                                  .is_superuser = role->is_superuser,
                                  .is_expired =
                                      role->valid_until < ky_wall_us() - DATETIME_UNIX_TO_2000_US,
                                  .connection_limit = role->connection_limit};
        (void)snprintf(out->secret, sizeof(out->secret), "%s",
                       role->password == NULL ? "" : role->password);
    }
    cat_image_release(image);
    return role != NULL;
}

ky_status
server_check_database(struct server *server, const char *name, oid_t role, struct ky_error *err)
{
    struct cat_image *image;
    KY_TRY(server_current_image(server, &image, err));
    const struct cat_database *database = cat_find_database(image, ky_slice_cstr(name));
    bool can_connect = database != NULL && database->can_connect;
    bool may_connect = database == NULL || acl_on_database(image, role, database, ACL_CONNECT) != 0;
    cat_image_release(image);
    if (database == NULL) {
        return ky_error_set(err, KY_INVALID_CATALOG_NAME, "database \"%s\" does not exist", name);
    }
    if (!may_connect) {
        (void)ky_error_set(err, KY_INSUFFICIENT_PRIVILEGE, "permission denied for database \"%s\"",
                           name);
        return ky_error_detail(err, "User does not have CONNECT privilege.");
    }
    return can_connect
               ? KY_OK
               : ky_error_set(err, KY_OBJECT_NOT_IN_PREREQUISITE_STATE,
                              "database \"%s\" is not currently accepting connections", name);
}

/* ------------------------------------------------------------------ cancelling and timers */

static void
set_cancel_reason(struct session *session, int reason)
{
    int expected = CANCEL_NONE;
    /* relaxed: the flag carries no data; executor loops poll it. */
    (void)atomic_compare_exchange_strong_explicit(&session->cancel, &expected, reason,
                                                  memory_order_relaxed, memory_order_relaxed);
}

void
session_cancel_for(struct session *session, int reason)
{
    set_cancel_reason(session, reason);
    if (atomic_load_explicit(&session->wait, memory_order_relaxed) == WAIT_SLEEP) {
        /* The lock: the sleeper has looked at the flag already, or waits. */
        ky_mutex_lock(&session->server->sleep_lock);
        ky_cond_broadcast(&session->server->sleep_over);
        ky_mutex_unlock(&session->server->sleep_lock);
    }
    session->hooks.wake(session->hooks.arg);
}

void
session_cancel(struct session *session)
{
    session_cancel_for(session, CANCEL_USER);
}

void
server_cancel(struct server *server, int32_t pid, int32_t key)
{
    ky_mutex_lock(&server->lock);
    ky_list_foreach (item, &server->sessions) {
        struct session *session = ky_list_entry(item, struct session, link);
        if (session->pid == pid && CRYPTO_memcmp(&session->key, &key, sizeof(key)) == 0 &&
            atomic_load_explicit(&session->activity, memory_order_relaxed) == ACTIVITY_ACTIVE) {
            session_cancel_for(session, CANCEL_USER);
        }
    }
    ky_mutex_unlock(&server->lock);
}

bool
server_signal(struct server *server, int32_t pid, bool is_terminate)
{
    bool is_found = false;
    ky_mutex_lock(&server->lock);
    ky_list_foreach (item, &server->sessions) {
        struct session *session = ky_list_entry(item, struct session, link);
        if (session->pid != pid) {
            continue;
        }
        is_found = true;
        if (is_terminate) {
            struct ky_error reason;
            (void)ky_error_set(&reason, KY_ADMIN_SHUTDOWN,
                               "terminating connection due to administrator command");
            session_cancel_for(session, CANCEL_TERMINATE);
            session->hooks.terminate(session->hooks.arg, &reason);
        } else if (atomic_load_explicit(&session->activity, memory_order_relaxed) ==
                   ACTIVITY_ACTIVE) {
            session_cancel_for(session, CANCEL_USER);
        }
    }
    ky_mutex_unlock(&server->lock);
    return is_found;
}

oid_t
server_session_role(struct server *server, int32_t pid)
{
    oid_t role = OID_NONE;
    ky_mutex_lock(&server->lock);
    ky_list_foreach (item, &server->sessions) {
        const struct session *session = ky_list_entry(item, struct session, link);
        role = session->pid == pid ? session->login_role : role;
    }
    ky_mutex_unlock(&server->lock);
    return role;
}

void
server_shutdown(struct server *server)
{
    struct ky_error reason;
    (void)ky_error_set(&reason, KY_ADMIN_SHUTDOWN,
                       "terminating connection due to administrator command");
    ky_mutex_lock(&server->lock);
    server->is_shutting_down = true;
    ky_list_foreach (item, &server->sessions) {
        struct session *session = ky_list_entry(item, struct session, link);
        session->hooks.terminate(session->hooks.arg, &reason);
    }
    ky_mutex_unlock(&server->lock);
}

void
server_cancel_all(struct server *server)
{
    ky_mutex_lock(&server->lock);
    /* All are told before any is woken: one that ends gives up locks, and what waited for them must
     * not go on as if nothing were. */
    ky_list_foreach (item, &server->sessions) {
        set_cancel_reason(ky_list_entry(item, struct session, link), CANCEL_TERMINATE);
    }
    ky_list_foreach (item, &server->sessions) {
        session_cancel_for(ky_list_entry(item, struct session, link), CANCEL_TERMINATE);
    }
    ky_mutex_unlock(&server->lock);
}

static bool
is_over(int64_t since_us, int64_t now_us, int64_t limit_ms)
{
    return limit_ms > 0 && since_us > 0 && now_us - since_us >= limit_ms * 1000;
}

static void
check_idle(struct session *session, int64_t now_us)
{
    int activity = atomic_load_explicit(&session->activity, memory_order_relaxed);
    int64_t since_us = atomic_load_explicit(&session->state_us, memory_order_relaxed);
    struct ky_error reason;
    if ((activity == ACTIVITY_IN_TRANSACTION || activity == ACTIVITY_FAILED) &&
        is_over(since_us, now_us,
                atomic_load_explicit(&session->limits[2], memory_order_relaxed))) {
        (void)ky_error_set(&reason, KY_IDLE_IN_TRANSACTION_SESSION_TIMEOUT,
                           "terminating connection due to idle-in-transaction timeout");
        session->hooks.terminate(session->hooks.arg, &reason);
    } else if (activity == ACTIVITY_IDLE &&
               is_over(since_us, now_us,
                       atomic_load_explicit(&session->limits[3], memory_order_relaxed))) {
        (void)ky_error_set(&reason, KY_IDLE_SESSION_TIMEOUT,
                           "terminating connection due to idle-session timeout");
        session->hooks.terminate(session->hooks.arg, &reason);
    }
}

/* A program may catch it and go on; what was not noticed yet is said again. */
static void
time_out(struct session *session)
{
    /* relaxed: a tick too many or too few does no harm. */
    if (!atomic_exchange_explicit(&session->is_timed_out, true, memory_order_relaxed) ||
        atomic_load_explicit(&session->cancel, memory_order_relaxed) != CANCEL_NONE) {
        session_cancel_for(session, CANCEL_STATEMENT_TIMEOUT);
    }
}

void
server_tick(struct server *server)
{
    int64_t now_us = ky_wall_us();
    /* relaxed: a limit that was just set is seen next time. */
    if (atomic_load_explicit(&server->limited_count, memory_order_relaxed) == 0) {
        return;
    }
    ky_mutex_lock(&server->lock);
    ky_list_foreach (item, &server->sessions) {
        struct session *session = ky_list_entry(item, struct session, link);
        if (atomic_load_explicit(&session->activity, memory_order_relaxed) != ACTIVITY_ACTIVE) {
            check_idle(session, now_us);
        } else if (is_over(atomic_load_explicit(&session->statement_us, memory_order_relaxed),
                           now_us,
                           atomic_load_explicit(&session->limits[0], memory_order_relaxed))) {
            time_out(session);
        } else if (is_over(atomic_load_explicit(&session->lock_wait_us, memory_order_relaxed),
                           now_us,
                           atomic_load_explicit(&session->limits[1], memory_order_relaxed))) {
            session_cancel_for(session, CANCEL_LOCK_TIMEOUT);
        }
    }
    ky_mutex_unlock(&server->lock);
}

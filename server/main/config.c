/* SPDX-License-Identifier: Apache-2.0 */
#include "server/main/config.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "server/base/arena.h"
#include "server/base/log.h"

enum { CONFIG_LINE_SIZE_MAX = 4096, CONFIG_NAME_SIZE_MAX = 64 };

static const struct {
    const char *name;
    const char *value;
    const char *text;
} options[CONFIG_COUNT] = {
#define OPTION(id, name_, value_, text_) [CONFIG_##id] = {name_, value_, text_},
#include "server/main/config.def"
#undef OPTION
};

const char *
config_name(enum config_id id)
{
    return options[id].name;
}

const char *
config_help(enum config_id id)
{
    return options[id].text;
}

const char *
config_default(enum config_id id)
{
    return options[id].value;
}

const char *
config_source_name(enum config_source source)
{
    static const char *const names[] = {"default", "file", "environment", "flag"};
    return names[source];
}

void
config_init(struct config *config)
{
    for (int i = 0; i < CONFIG_COUNT; i++) {
        config->values[i] = ky_strdup(options[i].value);
        config->sources[i] = CONFIG_DEFAULT;
    }
}

void
config_deinit(struct config *config)
{
    for (int i = 0; i < CONFIG_COUNT; i++) {
        ky_free(config->values[i]);
    }
}

const char *
config_text(const struct config *config, enum config_id id)
{
    return config->values[id];
}

/* A weaker source does not overwrite a stronger one. */
static void
set(struct config *config, int id, const char *value, enum config_source source)
{
    if (source >= config->sources[id]) {
        ky_free(config->values[id]);
        config->values[id] = ky_strdup(value);
        config->sources[id] = source;
    }
}

/* "data_dir" and "data-dir" are the same; -1 when unknown. */
static int
find(const char *name, size_t size)
{
    for (int i = 0; i < CONFIG_COUNT; i++) {
        if (strlen(options[i].name) != size) {
            continue;
        }
        size_t same = 0;
        while (same < size && (name[same] == '_' ? '-' : name[same]) == options[i].name[same]) {
            same++;
        }
        if (same == size) {
            return i;
        }
    }
    return -1;
}

/* ------------------------------------------------------------------ sources */

static ky_status
read_flag(struct config *config, int argc, char **argv, int *index, struct ky_error *err)
{
    const char *flag = argv[*index] + 2;
    const char *equals = strchr(flag, '=');
    size_t size = equals == NULL ? strlen(flag) : (size_t)(equals - flag);
    int id = find(flag, size);
    if (id < 0) {
        (void)ky_error_set(err, KY_CONFIG_FILE_ERROR, "unknown option --%.*s", (int)size, flag);
        return ky_error_hint(err, "\"kyrodb --help\" lists the options.");
    }
    const char *value = equals == NULL ? NULL : equals + 1;
    if (value == NULL) {
        if (*index + 1 >= argc) {
            return ky_error_set(err, KY_CONFIG_FILE_ERROR, "option --%s needs a value", flag);
        }
        value = argv[++*index];
    }
    set(config, id, value, CONFIG_FLAG);
    return KY_OK;
}

static ky_status
read_flags(struct config *config, int argc, char **argv, struct ky_error *err)
{
    static const enum config_id positions[] = {CONFIG_HOST, CONFIG_HTTP_PORT};
    size_t position = 0;
    for (int i = 0; i < argc; i++) {
        if (strncmp(argv[i], "--", 2) == 0) {
            KY_TRY(read_flag(config, argc, argv, &i, err));
        } else if (position < KY_COUNT_OF(positions)) {
            set(config, (int)positions[position++], argv[i], CONFIG_FLAG);
        } else {
            return ky_error_set(err, KY_CONFIG_FILE_ERROR, "unexpected argument \"%s\"", argv[i]);
        }
    }
    return KY_OK;
}

static void
read_environment(struct config *config)
{
    for (int i = 0; i < CONFIG_COUNT; i++) {
        char name[CONFIG_NAME_SIZE_MAX];
        (void)snprintf(name, sizeof(name), "KYRODB_%s", options[i].name);
        for (char *c = name; *c != '\0'; c++) {
            *c = *c == '-' ? '_' : (char)toupper((unsigned char)*c);
        }
        const char *value = getenv(name);
        if (value != NULL) {
            set(config, i, value, CONFIG_ENVIRONMENT);
        }
    }
}

/* One line: `name = value`, value in '' or bare, # starts a comment. */
static ky_status
read_line(struct config *config, char *line, const char *path, int number, struct ky_error *err)
{
    char *name = line + strspn(line, " \t");
    size_t name_size = strcspn(name, " \t=#\r\n");
    if (name_size == 0 || name[0] == '#') {
        return KY_OK;
    }
    char *value = name + name_size;
    value += strspn(value, " \t");
    if (*value == '=') {
        value++;
    }
    value += strspn(value, " \t");
    bool is_quoted = *value == '\'';
    value += is_quoted;
    value[strcspn(value, is_quoted ? "'\r\n" : "#\r\n")] = '\0';
    for (size_t size = strlen(value);
         !is_quoted && size > 0 && isspace((unsigned char)value[size - 1]); size--) {
        value[size - 1] = '\0';
    }
    int id = find(name, name_size);
    if (id < 0) {
        return ky_error_set(err, KY_CONFIG_FILE_ERROR,
                            "unrecognized configuration parameter \"%.*s\" in file \"%s\" line %d",
                            (int)name_size, name, path, number);
    }
    set(config, id, value, CONFIG_FILE);
    return KY_OK;
}

static ky_status
read_file(struct config *config, const char *path, bool is_missing_ok, struct ky_error *err)
{
    char line[CONFIG_LINE_SIZE_MAX];
    FILE *file = fopen(path, "re");
    if (file == NULL) {
        return errno == ENOENT && is_missing_ok
                   ? KY_OK
                   : ky_error_set_errno(err, KY_CONFIG_FILE_ERROR, errno,
                                        "could not open configuration file \"%s\"", path);
    }
    ky_status status = KY_OK;
    for (int number = 1; status == KY_OK && fgets(line, sizeof(line), file) != NULL; number++) {
        status = read_line(config, line, path, number, err);
    }
    (void)fclose(file);
    return status;
}

ky_status
config_reload(struct config *config, struct ky_error *err)
{
    char path[CONFIG_LINE_SIZE_MAX];
    bool is_named = config_text(config, CONFIG_CONFIG)[0] != '\0';
    if (is_named) {
        (void)snprintf(path, sizeof(path), "%s", config_text(config, CONFIG_CONFIG));
    } else {
        (void)snprintf(path, sizeof(path), "%s/kyrodb.conf", config_text(config, CONFIG_DATA_DIR));
    }
    return read_file(config, path, !is_named, err);
}

ky_status
config_load(struct config *config, int argc, char **argv, struct ky_error *err)
{
    KY_TRY(read_flags(config, argc, argv, err));
    read_environment(config);
    KY_TRY(config_reload(config, err));
    return config_check(config, err);
}

/* ------------------------------------------------------------------ values */

static ky_status
bad_value(const struct config *config, enum config_id id, struct ky_error *err)
{
    return ky_error_set(err, KY_INVALID_PARAMETER_VALUE,
                        "invalid value for option \"%s\": \"%s\" (from %s)", options[id].name,
                        config->values[id], config_source_name(config->sources[id]));
}

static bool
parse_integer(const char *text, uint64_t *value_out, const char **rest_out)
{
    char *end;
    errno = 0;
    unsigned long long value = strtoull(text, &end, 10);
    *value_out = value;
    *rest_out = end;
    return isdigit((unsigned char)text[0]) && errno == 0;
}

static bool
parse_size(const char *text, uint64_t *value_out)
{
    static const struct {
        const char *unit;
        int shift;
    } units[] = {{"", 0}, {"B", 0}, {"kB", 10}, {"KB", 10}, {"MB", 20}, {"GB", 30}, {"TB", 40}};
    const char *rest;
    if (!parse_integer(text, value_out, &rest)) {
        return false;
    }
    for (size_t i = 0; i < KY_COUNT_OF(units); i++) {
        if (strcmp(rest, units[i].unit) == 0) {
            bool fits = *value_out <= UINT64_MAX >> units[i].shift;
            *value_out <<= units[i].shift;
            return fits;
        }
    }
    return false;
}

int
config_port(const struct config *config, enum config_id id)
{
    return atoi(config->values[id]);
}

uint64_t
config_size(const struct config *config, enum config_id id)
{
    uint64_t value = 0;
    (void)parse_size(config->values[id], &value);
    return value;
}

bool
config_bool(const struct config *config, enum config_id id)
{
    return strcasecmp(config->values[id], "on") == 0;
}

int64_t
config_seconds(const struct config *config, enum config_id id)
{
    return atoll(config->values[id]);
}

bool
config_is_loopback(const char *host)
{
    struct in_addr address;
    if (strcmp(host, "localhost") == 0 || strcmp(host, "::1") == 0) {
        return true;
    }
    return inet_pton(AF_INET, host, &address) == 1 && ntohl(address.s_addr) >> 24 == 127;
}

static ky_status
check_number(const struct config *config, enum config_id id, uint64_t minimum, uint64_t maximum,
             struct ky_error *err)
{
    uint64_t value;
    const char *rest;
    bool is_good = parse_integer(config->values[id], &value, &rest) && *rest == '\0' &&
                   value >= minimum && value <= maximum;
    return is_good ? KY_OK : bad_value(config, id, err);
}

static ky_status
check_sizes(const struct config *config, struct ky_error *err)
{
    static const enum config_id sizes[] = {
        CONFIG_MEMORY,
        CONFIG_MAX_WAL_SIZE,
        CONFIG_SEGMENT_SIZE,
        CONFIG_LOG_RETENTION_BYTES,
        CONFIG_MAX_SLOT_KEEP_BYTES,
        CONFIG_COMPACTION_RATE,
    };
    for (size_t i = 0; i < KY_COUNT_OF(sizes); i++) {
        uint64_t value;
        if (!parse_size(config->values[sizes[i]], &value)) {
            return bad_value(config, sizes[i], err);
        }
    }
    uint64_t reserve = 0;
    if (strcmp(config->values[CONFIG_DISK_RESERVE], "auto") != 0 &&
        !parse_size(config->values[CONFIG_DISK_RESERVE], &reserve)) {
        return bad_value(config, CONFIG_DISK_RESERVE, err);
    }
    uint64_t segment_size = config_size(config, CONFIG_SEGMENT_SIZE);
    if (segment_size < 1024 * 1024 || segment_size > 1024 * 1024 * 1024 ||
        (segment_size & (segment_size - 1)) != 0) {
        return bad_value(config, CONFIG_SEGMENT_SIZE, err);
    }
    return KY_OK;
}

ky_status
config_check(const struct config *config, struct ky_error *err)
{
    KY_TRY(check_number(config, CONFIG_PORT, 0, 65535, err));
    KY_TRY(check_number(config, CONFIG_HTTP_PORT, 0, 65535, err));
    KY_TRY(check_number(config, CONFIG_MAX_CONNECTIONS, 1, 262143, err));
    KY_TRY(check_number(config, CONFIG_WORKERS, 0, 1024, err));
    KY_TRY(check_number(config, CONFIG_CHECKPOINT_TIMEOUT, 1, 86400, err));
    KY_TRY(check_number(config, CONFIG_LOG_RETENTION_TIME, 0, INT32_MAX, err));
    KY_TRY(check_sizes(config, err));
    if (ky_log_level_parse(config->values[CONFIG_LOG_LEVEL]) < 0) {
        return bad_value(config, CONFIG_LOG_LEVEL, err);
    }
    const enum config_id switches[] = {CONFIG_FSYNC, CONFIG_BUSY_POLL};
    for (size_t i = 0; i < KY_COUNT_OF(switches); i++) {
        const char *text = config->values[switches[i]];
        if (strcasecmp(text, "on") != 0 && strcasecmp(text, "off") != 0) {
            return bad_value(config, switches[i], err);
        }
    }
    const char *tls = config->values[CONFIG_TLS];
    if (tls[0] != '\0' && strcmp(tls, "auto") != 0 && strcmp(tls, "off") != 0) {
        return bad_value(config, CONFIG_TLS, err);
    }
    if ((config->values[CONFIG_TLS_CERT][0] == '\0') !=
        (config->values[CONFIG_TLS_KEY][0] == '\0')) {
        return ky_error_set(err, KY_CONFIG_FILE_ERROR, "tls-cert and tls-key go together");
    }
    bool has_http = config_port(config, CONFIG_HTTP_PORT) != 0;
    if (has_http && !config_is_loopback(config->values[CONFIG_HOST]) &&
        config->values[CONFIG_AUTH_TOKEN][0] == '\0') {
        (void)ky_error_set(err, KY_CONFIG_FILE_ERROR,
                           "HTTP on %s needs a token: it is not a loopback address",
                           config->values[CONFIG_HOST]);
        return ky_error_hint(err, "Set --auth-token (or KYRODB_AUTH_TOKEN), or --http-port 0.");
    }
    return KY_OK;
}

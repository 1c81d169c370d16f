/* SPDX-License-Identifier: Apache-2.0 */
#include "server/main/offline.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "storage/storage.h"

/* verify, restore and recover: what can be done with a data directory while no server has it. */

enum { FAILED = 1, USAGE = 2, OPTIONS_MAX = 5 };

static int
complain(const struct ky_error *err)
{
    (void)fprintf(stderr, "kyrodb: %s\n", err->message);
    if (err->detail[0] != '\0') {
        (void)fprintf(stderr, "DETAIL:  %s\n", err->detail);
    }
    if (err->hint[0] != '\0') {
        (void)fprintf(stderr, "HINT:  %s\n", err->hint);
    }
    return FAILED;
}

static int
usage(const char *text)
{
    (void)fprintf(stderr, "usage: kyrodb %s\n", text);
    return USAGE;
}

struct option {
    const char *name; /* "--data-dir" */
    const char *value;
};

/* "--name VALUE" and "--name=VALUE". False for anything else. */
static bool
read_options(struct option *options, size_t count, int argc, char **argv)
{
    for (int i = 0; i < argc; i++) {
        struct option *found = NULL;
        size_t size = strcspn(argv[i], "=");
        for (size_t j = 0; j < count; j++) {
            if (strlen(options[j].name) == size && strncmp(options[j].name, argv[i], size) == 0) {
                found = &options[j];
            }
        }
        if (found == NULL || found->value != NULL) {
            return false;
        }
        if (argv[i][size] == '=') {
            found->value = argv[i] + size + 1;
        } else if (++i < argc) {
            found->value = argv[i];
        } else {
            return false;
        }
    }
    return true;
}

/* A position: decimal, or X/Y as PostgreSQL writes it. */
static bool
parse_lsn(const char *text, lsn_t *lsn_out)
{
    unsigned high = 0;
    unsigned low = 0;
    int used = 0;
    if (sscanf(text, "%8X/%8X%n", &high, &low, &used) == 2 && text[used] == '\0') {
        *lsn_out = (lsn_t)high << 32 | low;
        return *lsn_out != 0;
    }
    char *end = NULL;
    *lsn_out = strtoull(text, &end, 10);
    return text[0] >= '0' && text[0] <= '9' && *end == '\0' && *lsn_out != 0;
}

/* "2026-11-25 23:04:05[.123456][Z|+HH[:MM]|-HH[:MM]]"; without a zone it is UTC. */
static bool
parse_time(const char *text, int64_t *time_us_out)
{
    struct tm parts = {0};
    const char *rest = strptime(text, "%Y-%m-%d", &parts);
    if (rest == NULL || (*rest != ' ' && *rest != 'T')) {
        return false;
    }
    rest = strptime(rest + 1, "%H:%M:%S", &parts);
    if (rest == NULL) {
        return false;
    }
    int64_t us = (int64_t)timegm(&parts) * 1000000;
    if (*rest == '.') {
        int64_t unit = 100000;
        for (rest++; *rest >= '0' && *rest <= '9'; rest++, unit /= 10) {
            us += (*rest - '0') * unit;
        }
    }
    int hours = 0;
    int minutes = 0;
    int used = 0;
    char sign = *rest;
    if (sign == 'Z' || sign == '\0') {
        *time_us_out = us;
        return sign == '\0' || rest[1] == '\0';
    }
    if ((sign != '+' && sign != '-') || sscanf(rest + 1, "%2d%n", &hours, &used) != 1) {
        return false;
    }
    rest += 1 + used;
    if (*rest == ':' && sscanf(rest + 1, "%2d%n", &minutes, &used) == 1) {
        rest += 1 + used;
    }
    int64_t offset_us = ((int64_t)hours * 60 + minutes) * 60000000;
    *time_us_out = sign == '+' ? us - offset_us : us + offset_us;
    return *rest == '\0';
}

static void
print_end(const char *what, lsn_t lsn)
{
    (void)printf("%s; the log ends at %X/%X\n", what, (unsigned)(lsn >> 32), (unsigned)lsn);
}

/* ------------------------------------------------------------------ commands */

static void
print_damage(void *arg, const char *line)
{
    (void)arg;
    (void)printf("%s\n", line);
}

int
offline_verify(int argc, char **argv)
{
    struct option options[] = {{"--data-dir", NULL}};
    struct ky_error err;
    uint64_t damage_count = 0;
    ky_error_init(&err);
    if (!read_options(options, 1, argc, argv)) {
        return usage("verify --data-dir DIR");
    }
    const char *dir = options[0].value != NULL ? options[0].value : "./data";
    if (storage_verify(NULL, dir, print_damage, NULL, &damage_count, &err) != KY_OK) {
        return complain(&err);
    }
    (void)printf("%" PRIu64 " damaged places\n", damage_count);
    return damage_count == 0 ? 0 : FAILED;
}

int
offline_restore(int argc, char **argv)
{
    static const char text[] = "restore --from BACKUP --data-dir DIR [--log DIR] [--to-lsn LSN] "
                               "[--to-time \"YYYY-MM-DD HH:MM:SS[+ZONE]\"]";
    struct option options[OPTIONS_MAX] = {{"--from", NULL},
                                          {"--data-dir", NULL},
                                          {"--log", NULL},
                                          {"--to-lsn", NULL},
                                          {"--to-time", NULL}};
    struct ky_error err;
    lsn_t lsn = 0;
    ky_error_init(&err);
    if (!read_options(options, OPTIONS_MAX, argc, argv) || options[0].value == NULL ||
        options[1].value == NULL) {
        return usage(text);
    }
    struct restore_options restore = {
        .backup = options[0].value, .target = options[1].value, .log = options[2].value};
    if ((options[3].value != NULL && !parse_lsn(options[3].value, &restore.cut.lsn)) ||
        (options[4].value != NULL && !parse_time(options[4].value, &restore.cut.time_us))) {
        return usage(text);
    }
    if (storage_restore(&restore, &lsn, &err) != KY_OK) {
        return complain(&err);
    }
    print_end("restored", lsn);
    return 0;
}

int
offline_recover(int argc, char **argv)
{
    struct option options[] = {{"--data-dir", NULL}, {"--truncate-at", NULL}};
    struct storage_cut cut = {0};
    struct ky_error err;
    lsn_t lsn = 0;
    ky_error_init(&err);
    if (!read_options(options, 2, argc, argv) || options[0].value == NULL ||
        options[1].value == NULL || !parse_lsn(options[1].value, &cut.lsn)) {
        return usage("recover --truncate-at LSN --data-dir DIR   (what was committed after LSN is "
                     "lost)");
    }
    if (storage_truncate(NULL, options[0].value, &cut, &lsn, &err) != KY_OK) {
        return complain(&err);
    }
    print_end("truncated", lsn);
    return 0;
}

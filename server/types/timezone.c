/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Time zones from the compiled database (TZif, RFC 8536):
 *
 *     header 44 bytes, block with 32-bit times | header, block with 64-bit times | \n footer \n
 *     block: times | type of each | types (offset i32, is_dst u8, name u8) | names | ...
 *
 * Only the 64-bit block is used. After the last transition the footer's POSIX rule
 * ("EST5EDT,M3.2.0,M11.1.0") goes on for ever. A zone once loaded stays for the life of the
 * process; its struct never changes, so that only the list of zones needs a lock.
 */

#include <ctype.h>
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "server/base/buffer.h"
#include "server/base/mutex.h"
#include "server/types/datetime_private.h"

enum {
    ZONE_NAME_SIZE = 64,
    ZONE_ABBREVIATION_SIZE = 16,
    ZONE_FILE_SIZE_MAX = 1 << 20,
    ZONE_COUNT_MAX = 2000,
    TZIF_HEADER_SIZE = 44,
};
static const char ZONE_FOLDER[] = "/usr/share/zoneinfo";

struct zone_period {
    int offset; /* east of UTC */
    bool is_dst;
    char abbreviation[ZONE_ABBREVIATION_SIZE];
};

/* When a period begins in a year, in local time of the one before. */
struct zone_change {
    char kind; /* M: month.week.weekday, J: day 1..365 without leap day, D: day 0..365 */
    int month, week, day;
    int time_s;
};

/* A POSIX rule. */
struct zone_rule {
    bool is_set;
    bool has_dst;
    struct zone_period standard;
    struct zone_period summer;
    struct zone_change to_summer;
    struct zone_change to_standard;
};

struct timezone {
    struct timezone *next;
    char name[ZONE_NAME_SIZE];
    size_t count;
    int64_t *times; /* unix seconds of the transitions */
    uint8_t *types; /* period that each begins */
    struct zone_period *periods;
    size_t period_count;
    size_t first; /* period before the first transition */
    struct zone_rule rule;
};

static struct zone_period utc_period = {0, false, "UTC"};
static const struct timezone utc_zone = {.name = "UTC", .periods = &utc_period, .period_count = 1};

static struct ky_mutex zones_lock = {PTHREAD_MUTEX_INITIALIZER};
static struct timezone *zones KY_GUARDED_BY(zones_lock);
static size_t zones_count KY_GUARDED_BY(zones_lock);

const struct timezone *
timezone_utc(void)
{
    return &utc_zone;
}

const char *
timezone_name(const struct timezone *zone)
{
    return zone->name;
}

/* ---- POSIX rules ---- */

static bool
rule_name(const char **at, char out[ZONE_ABBREVIATION_SIZE])
{
    const char *p = *at;
    size_t size = 0;
    bool is_quoted = *p == '<';
    if (is_quoted) {
        p++;
    }
    while (*p != '\0' && (is_quoted ? *p != '>' : isalpha((unsigned char)*p) != 0)) {
        if (size + 1 >= ZONE_ABBREVIATION_SIZE) {
            return false;
        }
        out[size++] = *p++;
    }
    out[size] = '\0';
    if (is_quoted && *p++ != '>') {
        return false;
    }
    *at = p;
    return size > 0 || is_quoted;
}

/* [+-]hh[:mm[:ss]] in seconds. */
static bool
rule_time(const char **at, int *out)
{
    const char *p = *at;
    int sign = 1;
    if (*p == '+' || *p == '-') {
        sign = *p++ == '-' ? -1 : 1;
    }
    int parts[3] = {0, 0, 0};
    for (int i = 0; i < 3; i++) {
        if (*p < '0' || *p > '9') {
            return false;
        }
        for (int digits = 0; *p >= '0' && *p <= '9' && digits < 3; digits++) {
            parts[i] = parts[i] * 10 + (*p++ - '0');
        }
        if (*p != ':') {
            break;
        }
        p++;
    }
    if (parts[0] > 167 || parts[1] > 59 || parts[2] > 59) {
        return false;
    }
    *out = sign * (parts[0] * 3600 + parts[1] * 60 + parts[2]);
    *at = p;
    return true;
}

static bool
rule_number(const char **at, int low, int high, int *out)
{
    const char *p = *at;
    int value = 0;
    if (*p < '0' || *p > '9') {
        return false;
    }
    while (*p >= '0' && *p <= '9' && value <= high) {
        value = value * 10 + (*p++ - '0');
    }
    *at = p;
    *out = value;
    return value >= low && value <= high;
}

static bool
rule_change(const char **at, struct zone_change *out)
{
    const char *p = *at;
    if (*p++ != ',') {
        return false;
    }
    if (*p == 'M') {
        p++;
        out->kind = 'M';
        if (!rule_number(&p, 1, 12, &out->month) || *p++ != '.' ||
            !rule_number(&p, 1, 5, &out->week) || *p++ != '.' ||
            !rule_number(&p, 0, 6, &out->day)) {
            return false;
        }
    } else {
        out->kind = *p == 'J' ? 'J' : 'D';
        p += *p == 'J';
        if (!rule_number(&p, out->kind == 'J', 365, &out->day)) {
            return false;
        }
    }
    out->time_s = 7200;
    if (*p == '/') {
        p++;
        if (!rule_time(&p, &out->time_s)) {
            return false;
        }
    }
    *at = p;
    return true;
}

static bool
rule_parse(const char *text, struct zone_rule *out)
{
    *out = (struct zone_rule){.is_set = true};
    int west;
    if (!rule_name(&text, out->standard.abbreviation) || !rule_time(&text, &west)) {
        return false;
    }
    out->standard.offset = -west;
    if (*text == '\0') {
        return true;
    }
    out->has_dst = true;
    out->summer.is_dst = true;
    out->summer.offset = out->standard.offset + 3600;
    if (!rule_name(&text, out->summer.abbreviation)) {
        return false;
    }
    if (*text != ',' && *text != '\0') {
        if (!rule_time(&text, &west)) {
            return false;
        }
        out->summer.offset = -west;
    }
    if (*text == '\0') {
        text = ",M3.2.0,M11.1.0";
    }
    return rule_change(&text, &out->to_summer) && rule_change(&text, &out->to_standard) &&
           *text == '\0';
}

/* Local seconds since 2000-01-01 at which a change comes in a year. */
static int64_t
change_time(const struct zone_change *change, int year)
{
    int64_t day;
    if (change->kind == 'M') {
        int64_t first = date_from_civil(year, change->month, 1);
        /* 2000-01-01 was a Saturday. */
        int weekday = (int)(((first + 6) % 7 + 7) % 7);
        int ahead = (change->day - weekday + 7) % 7 + (change->week - 1) * 7;
        if (ahead >= datetime_days_in_month(year, change->month)) {
            ahead -= 7;
        }
        day = first + ahead;
    } else {
        day = date_from_civil(year, 1, 1) + change->day;
        if (change->kind == 'J') {
            day -= 1;
            day += change->day >= 60 && datetime_days_in_month(year, 2) == 29;
        }
    }
    return day * 86400 + change->time_s;
}

static const struct zone_period *
rule_period(const struct zone_rule *rule, int64_t unix_s)
{
    if (!rule->has_dst) {
        return &rule->standard;
    }
    int64_t since_2000 = unix_s - DATETIME_UNIX_TO_2000_US / DATETIME_US_PER_SECOND;
    int64_t local = since_2000 + rule->standard.offset;
    int64_t local_day = local / 86400 - (local % 86400 < 0);
    int year;
    int month;
    int day;
    date_to_civil(local_day, &year, &month, &day);
    int64_t summer = change_time(&rule->to_summer, year) - rule->standard.offset;
    int64_t standard = change_time(&rule->to_standard, year) - rule->summer.offset;
    bool is_summer = summer < standard ? since_2000 >= summer && since_2000 < standard
                                       : since_2000 >= summer || since_2000 < standard;
    return is_summer ? &rule->summer : &rule->standard;
}

/* ---- TZif ---- */

struct tzif_counts {
    size_t utc, std, leap, time, type, text;
};

static bool
tzif_header(const uint8_t *at, size_t size, struct tzif_counts *out)
{
    if (size < TZIF_HEADER_SIZE || memcmp(at, "TZif", 4) != 0) {
        return false;
    }
    out->utc = ky_load_be32(at + 20);
    out->std = ky_load_be32(at + 24);
    out->leap = ky_load_be32(at + 28);
    out->time = ky_load_be32(at + 32);
    out->type = ky_load_be32(at + 36);
    out->text = ky_load_be32(at + 40);
    size_t limit = ZONE_FILE_SIZE_MAX;
    return out->utc <= limit && out->std <= limit && out->leap <= limit && out->time <= limit &&
           out->type <= limit && out->text <= limit && out->type > 0;
}

static size_t
tzif_size(const struct tzif_counts *counts, size_t time_size)
{
    return counts->time * (time_size + 1) + counts->type * 6 + counts->text +
           counts->leap * (time_size + 4) + counts->std + counts->utc;
}

static bool
tzif_block(struct timezone *zone, const uint8_t *at, const struct tzif_counts *counts)
{
    const uint8_t *types = at + counts->time * 8;
    const uint8_t *periods = types + counts->time;
    const char *texts = (const char *)periods + counts->type * 6;
    zone->count = counts->time;
    zone->times = ky_calloc(KY_MAX(counts->time, 1), sizeof(*zone->times));
    zone->types = ky_calloc(KY_MAX(counts->time, 1), 1);
    zone->period_count = counts->type;
    zone->periods = ky_calloc(counts->type, sizeof(*zone->periods));
    for (size_t i = 0; i < counts->time; i++) {
        zone->times[i] = (int64_t)ky_load_be64(at + i * 8);
        zone->types[i] = types[i];
        if (types[i] >= counts->type) {
            return false;
        }
    }
    for (size_t i = 0; i < counts->type; i++) {
        struct zone_period *period = &zone->periods[i];
        period->offset = (int32_t)ky_load_be32(periods + i * 6);
        period->is_dst = periods[i * 6 + 4] != 0;
        size_t start = periods[i * 6 + 5];
        for (size_t j = 0; start + j < counts->text && j + 1 < ZONE_ABBREVIATION_SIZE; j++) {
            period->abbreviation[j] = texts[start + j];
            if (texts[start + j] == '\0') {
                break;
            }
        }
    }
    return true;
}

static bool
tzif_parse(struct timezone *zone, const uint8_t *at, size_t size)
{
    struct tzif_counts counts;
    if (!tzif_header(at, size, &counts) || at[4] < '2') {
        return false;
    }
    size_t skip = TZIF_HEADER_SIZE + tzif_size(&counts, 4);
    if (skip > size || !tzif_header(at + skip, size - skip, &counts)) {
        return false;
    }
    at += skip + TZIF_HEADER_SIZE;
    size -= skip + TZIF_HEADER_SIZE;
    size_t block = tzif_size(&counts, 8);
    if (block > size || !tzif_block(zone, at, &counts)) {
        return false;
    }
    /* The footer is a line of its own; a zone without a rule has an empty one. */
    char footer[128];
    size_t count = 0;
    for (size_t i = block + 1; i < size && at[i] != '\n' && count + 1 < sizeof(footer); i++) {
        footer[count++] = (char)at[i];
    }
    footer[count] = '\0';
    zone->rule.is_set = rule_parse(footer, &zone->rule);
    return true;
}

static void
zone_free(struct timezone *zone)
{
    ky_free(zone->times);
    ky_free(zone->types);
    ky_free(zone->periods);
    ky_free(zone);
}

/* Names are file names: no leading or doubled dots, no characters outside the database's. */
static bool
is_file_name(const char *name)
{
    if (name[0] == '\0' || name[0] == '/' || strstr(name, "..") != NULL) {
        return false;
    }
    for (const char *p = name; *p != '\0'; p++) {
        if (!isalnum((unsigned char)*p) && strchr("_+-/", *p) == NULL) {
            return false;
        }
    }
    return true;
}

/* Finds the entry of a folder whose name is part but for case. */
static bool
find_entry(const char *folder, const char *part, size_t size, char *out, size_t out_size)
{
    DIR *dir = opendir(folder);
    if (dir == NULL) {
        return false;
    }
    bool is_found = false;
    const struct dirent *entry;
    while (!is_found && (entry = readdir(dir)) != NULL) { /* NOLINT(concurrency-mt-unsafe) */
        if (strlen(entry->d_name) == size && strncasecmp(entry->d_name, part, size) == 0) {
            is_found = snprintf(out, out_size, "%s", entry->d_name) < (int)out_size;
        }
    }
    (void)closedir(dir);
    return is_found;
}

/* The database's spelling of a name given in any case. */
static bool
canonical_name(const char *name, char out[ZONE_NAME_SIZE])
{
    char path[sizeof(ZONE_FOLDER) + ZONE_NAME_SIZE + 2];
    size_t used = 0;
    out[0] = '\0';
    while (*name != '\0') {
        size_t size = strcspn(name, "/");
        char entry[ZONE_NAME_SIZE];
        (void)snprintf(path, sizeof(path), "%s/%s", ZONE_FOLDER, out);
        if (size == 0 || !find_entry(path, name, size, entry, sizeof(entry)) ||
            used + size + 2 > ZONE_NAME_SIZE) {
            return false;
        }
        memcpy(out + used, entry, size);
        used += size;
        name += size;
        if (*name == '/') {
            out[used++] = *name++;
        }
        out[used] = '\0';
    }
    return used > 0;
}

/* The zone of a file whose name is spelled as the database does. */
static struct timezone *
zone_read(const char *canonical)
{
    char path[sizeof(ZONE_FOLDER) + ZONE_NAME_SIZE + 2];
    (void)snprintf(path, sizeof(path), "%s/%s", ZONE_FOLDER, canonical);
    FILE *file = fopen(path, "rbe");
    if (file == NULL) {
        return NULL;
    }
    uint8_t *bytes = ky_malloc(ZONE_FILE_SIZE_MAX);
    size_t size = fread(bytes, 1, ZONE_FILE_SIZE_MAX, file);
    (void)fclose(file);
    struct timezone *zone = ky_calloc(1, sizeof(*zone));
    (void)snprintf(zone->name, sizeof(zone->name), "%s", canonical);
    if (!tzif_parse(zone, bytes, size)) {
        zone_free(zone);
        zone = NULL;
    }
    ky_free(bytes);
    return zone;
}

static struct timezone *
zone_load(const char *name)
{
    char canonical[ZONE_NAME_SIZE];
    return is_file_name(name) && canonical_name(name, canonical) ? zone_read(canonical) : NULL;
}

/* "right" counts leap seconds, which no time here does. */
static void
each_in(const char *folder, int depth, timezone_visit visit, void *arg)
{
    enum { DEPTH_MAX = 4 };
    char path[sizeof(ZONE_FOLDER) + ZONE_NAME_SIZE + 2];
    char name[ZONE_NAME_SIZE];
    (void)snprintf(path, sizeof(path), "%s/%s", ZONE_FOLDER, folder);
    DIR *dir = depth > DEPTH_MAX ? NULL : opendir(path);
    const struct dirent *entry;
    if (dir == NULL) {
        struct timezone *zone = is_file_name(folder) ? zone_read(folder) : NULL;
        if (zone != NULL) {
            visit(arg, zone);
            zone_free(zone);
        }
        return;
    }
    while ((entry = readdir(dir)) != NULL) { /* NOLINT(concurrency-mt-unsafe) */
        const bool is_zone = entry->d_name[0] != '.' && strcmp(entry->d_name, "right") != 0;
        if (is_zone && snprintf(name, sizeof(name), "%s%s%s", folder, *folder == '\0' ? "" : "/",
                                entry->d_name) < (int)sizeof(name)) {
            each_in(name, depth + 1, visit, arg);
        }
    }
    (void)closedir(dir);
}

void
timezone_each(timezone_visit visit, void *arg)
{
    each_in("", 0, visit, arg);
}

/* "UTC+3", "<+05:30>-5:30" and bare "+05:30"; the sign of a bare offset is ISO's, east. */
static struct timezone *
zone_from_rule(const char *name)
{
    struct zone_rule rule;
    if (name[0] == '+' || name[0] == '-' || isdigit((unsigned char)name[0])) {
        const char *at = name;
        int east;
        if (!rule_time(&at, &east) || *at != '\0') {
            return NULL;
        }
        rule = (struct zone_rule){.is_set = true};
        rule.standard.offset = east;
        int minutes = abs(east) / 60;
        (void)snprintf(rule.standard.abbreviation, sizeof(rule.standard.abbreviation),
                       minutes % 60 != 0 ? "%c%02d:%02d" : "%c%02d", east < 0 ? '-' : '+',
                       minutes / 60, minutes % 60);
    } else if (!rule_parse(name, &rule)) {
        return NULL;
    }
    if (abs(rule.standard.offset) > 168 * 3600) {
        return NULL;
    }
    struct timezone *zone = ky_calloc(1, sizeof(*zone));
    (void)snprintf(zone->name, sizeof(zone->name), "%s", name);
    zone->rule = rule;
    zone->periods = ky_calloc(1, sizeof(*zone->periods));
    zone->periods[0] = rule.standard;
    zone->period_count = 1;
    return zone;
}

const struct timezone *
timezone_find(struct ky_slice name)
{
    char text[ZONE_NAME_SIZE];
    if (name.size == 0 || name.size >= sizeof(text) || memchr(name.data, 0, name.size) != NULL) {
        return NULL;
    }
    memcpy(text, name.data, name.size);
    text[name.size] = '\0';
    if (strcasecmp(text, "utc") == 0) {
        return &utc_zone;
    }
    ky_mutex_lock(&zones_lock);
    struct timezone *zone = zones;
    while (zone != NULL && strcasecmp(zone->name, text) != 0) {
        zone = zone->next;
    }
    if (zone == NULL && zones_count < ZONE_COUNT_MAX) {
        zone = zone_load(text);
        if (zone == NULL) {
            zone = zone_from_rule(text);
        }
        if (zone != NULL) {
            zone->next = zones;
            zones = zone;
            zones_count++;
        }
    }
    ky_mutex_unlock(&zones_lock);
    return zone;
}

const struct timezone *
timezone_find_word(struct ky_slice name)
{
    char text[ZONE_NAME_SIZE];
    char rule[2 * ZONE_NAME_SIZE];
    int offset;
    bool is_dst;
    if (name.size == 0 || name.size >= sizeof(text) || memchr(name.data, 0, name.size) != NULL) {
        return NULL;
    }
    for (size_t i = 0; i <= name.size; i++) {
        text[i] = i == name.size ? '\0' : (char)tolower(((const uint8_t *)name.data)[i]);
    }
    if (timezone_abbreviation(ky_slice(text, name.size), &offset, &is_dst)) {
        const int west = -offset;
        (void)snprintf(rule, sizeof(rule), "<%s>%s%d:%02d", text, west < 0 ? "-" : "",
                       abs(west) / 3600, abs(west) / 60 % 60);
        return timezone_find(ky_slice_cstr(rule));
    }
    if (text[0] == '+' || text[0] == '-' || isdigit((unsigned char)text[0])) {
        (void)snprintf(rule, sizeof(rule), "<>%s", text);
        return timezone_find(ky_slice_cstr(rule));
    }
    return timezone_find(name);
}

static const struct zone_period *
period_at(const struct timezone *zone, int64_t unix_s)
{
    if (zone->rule.is_set && (zone->count == 0 || unix_s >= zone->times[zone->count - 1])) {
        return rule_period(&zone->rule, unix_s);
    }
    size_t low = 0;
    size_t high = zone->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (zone->times[middle] <= unix_s) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return &zone->periods[low == 0 ? zone->first : zone->types[low - 1]];
}

int
timezone_offset_at(const struct timezone *zone, int64_t timestamptz, const char **abbreviation_out,
                   bool *is_dst_out)
{
    int64_t seconds =
        timestamptz / DATETIME_US_PER_SECOND - (timestamptz % DATETIME_US_PER_SECOND < 0);
    const struct zone_period *period =
        period_at(zone, seconds + DATETIME_UNIX_TO_2000_US / DATETIME_US_PER_SECOND);
    if (abbreviation_out != NULL) {
        *abbreviation_out = period->abbreviation;
    }
    if (is_dst_out != NULL) {
        *is_dst_out = period->is_dst;
    }
    return period->offset;
}

int64_t
timezone_local_to_utc(const struct timezone *zone, int64_t timestamp)
{
    if (!timestamp_is_finite(timestamp)) {
        return timestamp;
    }
    /* The offsets a day before and after bracket any change near this moment. */
    int before = timezone_offset_at(zone, timestamp - DATETIME_US_PER_DAY, NULL, NULL);
    int after = timezone_offset_at(zone, timestamp + DATETIME_US_PER_DAY, NULL, NULL);
    int64_t by_before = timestamp - before * DATETIME_US_PER_SECOND;
    int64_t by_after = timestamp - after * DATETIME_US_PER_SECOND;
    if (before == after) {
        return by_before;
    }
    bool is_before_right = timezone_offset_at(zone, by_before, NULL, NULL) == before;
    bool is_after_right = timezone_offset_at(zone, by_after, NULL, NULL) == after;
    if (is_before_right != is_after_right) {
        return is_before_right ? by_before : by_after;
    }
    /* In a gap the offset before the change is meant, in an overlap the one after it: the later
     * moment in both. */
    return KY_MAX(by_before, by_after);
}

/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <string.h>

#include "server/base/json.h"
#include "server/ctl/command.h"

/* Commands that send one JSON object: put, lookup, append, vector-insert, vector-search. */

/* A word of the command line that becomes a member. */
struct member {
    const char *flag; /* "--table"; NULL: by position, required */
    const char *name; /* in the JSON object */
    bool is_json;     /* written as it is, when it is JSON at all; else as a string */
    const char *value;
};

static bool
is_json(const char *text)
{
    struct ky_arena arena;
    struct json_value *value;
    struct ky_error err;
    ky_error_init(&err);
    ky_arena_init(&arena);
    bool is_good = json_parse(&arena, ky_slice_cstr(text), &value, &err) == KY_OK;
    ky_arena_deinit(&arena);
    return is_good;
}

/* Fills the values. False: a word too many or too few. */
static bool
read_members(struct member *members, size_t count, int argc, char **argv)
{
    for (int i = 0; i < argc; i++) {
        struct member *found = NULL;
        bool is_flag = strncmp(argv[i], "--", 2) == 0;
        for (size_t m = 0; m < count && found == NULL; m++) {
            bool fits = is_flag ? members[m].flag != NULL && strcmp(members[m].flag, argv[i]) == 0
                                : members[m].flag == NULL;
            found = fits && members[m].value == NULL ? &members[m] : NULL;
        }
        if (found == NULL || (is_flag && ++i >= argc)) {
            return false;
        }
        found->value = argv[i];
    }
    for (size_t m = 0; m < count; m++) {
        if (members[m].flag == NULL && members[m].value == NULL) {
            return false;
        }
    }
    return true;
}

static int
post_members(const struct ctl_target *target, const char *path, struct member *members,
             size_t count, int argc, char **argv, const char *usage)
{
    struct ky_buffer body = {0};
    if (!read_members(members, count, argc, argv)) {
        return ctl_usage(usage);
    }
    ky_buffer_append_byte(&body, '{');
    for (size_t m = 0; m < count; m++) {
        if (members[m].value == NULL) {
            continue;
        }
        ky_buffer_printf(&body, "%s\"%s\":", body.size > 1 ? "," : "", members[m].name);
        if (members[m].is_json && is_json(members[m].value)) {
            ky_buffer_append_cstr(&body, members[m].value);
        } else {
            json_write_string(&body, ky_slice_cstr(members[m].value));
        }
    }
    ky_buffer_append_byte(&body, '}');
    const struct ctl_request request = {.path = path, .body = &body, .sink = ctl_print_line};
    int result = ctl_send(target, &request);
    ky_buffer_deinit(&body);
    return result;
}

int
command_put(const struct ctl_target *target, int argc, char **argv)
{
    struct member members[] = {{NULL, "key", true, NULL}, {NULL, "value", false, NULL}};
    return post_members(target, "/put", members, KY_COUNT_OF(members), argc, argv,
                        "\"put\" takes KEY VALUE");
}

int
command_append(const struct ctl_target *target, int argc, char **argv)
{
    struct member members[] = {{NULL, "payload", true, NULL}, {"--id", "id", false, NULL}};
    return post_members(target, "/append", members, KY_COUNT_OF(members), argc, argv,
                        "\"append\" takes PAYLOAD [--id ID]");
}

int
command_vector_insert(const struct ctl_target *target, int argc, char **argv)
{
    struct member members[] = {
        {NULL, "key", true, NULL}, {NULL, "vector", true, NULL}, {"--table", "table", false, NULL}};
    return post_members(target, "/vector/insert", members, KY_COUNT_OF(members), argc, argv,
                        "\"vector-insert\" takes KEY [..] [--table NAME]");
}

int
command_vector_search(const struct ctl_target *target, int argc, char **argv)
{
    struct member members[] = {
        {NULL, "query", true, NULL},        {"--k", "k", true, NULL},
        {"--table", "table", false, NULL},  {"--mode", "mode", false, NULL},
        {"--ef", "ef", true, NULL},         {"--recall", "recall", true, NULL},
        {"--filter", "filter", false, NULL}};
    return post_members(target, "/vector/search", members, KY_COUNT_OF(members), argc, argv,
                        "\"vector-search\" takes [..] [--k N] [--table NAME] [--mode MODE] "
                        "[--ef N] [--recall R] [--filter SQL]");
}

int
command_lookup(const struct ctl_target *target, int argc, char **argv)
{
    struct ky_buffer path = {0};
    if (argc != 1) {
        return ctl_usage("\"lookup\" takes KEY");
    }
    ky_buffer_append_cstr(&path, "/lookup?");
    ctl_add_param(&path, "key", argv[0]);
    ky_buffer_append_byte(&path, '\0');
    const struct ctl_request request = {
        .path = (const char *)path.data, .timeout_s = CTL_STATUS_TIMEOUT_S, .sink = ctl_print_line};
    int result = ctl_send(target, &request);
    ky_buffer_deinit(&path);
    return result;
}

/* SPDX-License-Identifier: Apache-2.0 */
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "server/base/arena.h"
#include "server/base/json.h"
#include "server/ctl/command.h"

/*
 * backup and verify ask the server, which reads and writes the directory itself: it is one of the
 * server's machine. restore makes a data directory for a server that does not run yet; kyrodb
 * does that, from where kyrodbctl lies.
 */

/* A relative path means here, not where the server was started. */
static int
post_directory(const struct ctl_target *target, const char *path, const char *directory)
{
    char here[PATH_MAX];
    struct ky_buffer whole = {0};
    struct ky_buffer body = {0};
    if (directory[0] != '/') {
        if (getcwd(here, sizeof(here)) == NULL) {
            perror("kyrodbctl");
            return CTL_ERROR;
        }
        ky_buffer_printf(&whole, "%s/", here);
    }
    ky_buffer_append_cstr(&whole, directory);
    ky_buffer_append_cstr(&body, "{\"directory\":");
    json_write_string(&body, ky_buffer_slice(&whole));
    ky_buffer_append_byte(&body, '}');
    const struct ctl_request request = {.path = path, .body = &body, .sink = ctl_print_line};
    int result = ctl_send(target, &request);
    ky_buffer_deinit(&body);
    ky_buffer_deinit(&whole);
    return result;
}

int
command_backup(const struct ctl_target *target, int argc, char **argv)
{
    return argc == 1 ? post_directory(target, "/backup", argv[0])
                     : ctl_usage("\"backup\" takes DIR");
}

int
command_verify(const struct ctl_target *target, int argc, char **argv)
{
    return argc == 1 ? post_directory(target, "/verify", argv[0])
                     : ctl_usage("\"verify\" takes DIR");
}

int
command_restore(const struct ctl_target *target, int argc, char **argv)
{
    char path[PATH_MAX];
    char **words = (char **)ky_calloc((size_t)argc + 3, sizeof(char *));
    char program[] = "kyrodb";
    char command[] = "restore";
    (void)target;
    ssize_t size = readlink("/proc/self/exe", path, sizeof(path) - sizeof(program));
    char *slash = size <= 0 ? NULL : memrchr(path, '/', (size_t)size);
    words[0] = program;
    words[1] = command;
    for (int i = 0; i < argc; i++) {
        words[i + 2] = argv[i];
    }
    if (slash != NULL) {
        memcpy(slash + 1, program, sizeof(program));
        (void)execv(path, words);
    }
    (void)execvp(program, words);
    perror("kyrodbctl: kyrodb");
    ky_free((void *)words);
    return CTL_ERROR;
}

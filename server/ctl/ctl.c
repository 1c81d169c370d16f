/* SPDX-License-Identifier: Apache-2.0 */
#include <curl/curl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "server/ctl/command.h"

static const char default_url[] = "http://127.0.0.1:3030";

static const struct {
    const char *name;
    int (*run)(const struct ctl_target *target, int argc, char **argv);
} commands[] = {
#define CTL_ENTRY(name, function) {name, function},
    CTL_COMMANDS(CTL_ENTRY)
#undef CTL_ENTRY
};

static void
print_help(void)
{
    (void)printf("kyrodbctl %s: a client of KyroDB's HTTP side port\n\n", KYRO_VERSION);
    (void)fputs(
        "  kyrodbctl [options] COMMAND [arguments]\n\n"
        "  status                        health and a few metrics\n"
        "  top [--rounds N]              rates and running statements, once a second\n"
        "  health | ready | metrics | offset\n"
        "                                the answer of the endpoint\n"
        "  sql STATEMENT [PARAMETER..]   run SQL (-: from standard input)\n"
        "  put KEY VALUE, lookup KEY     the table kv\n"
        "  append PAYLOAD [--id ID]      append an event; the same id again is no second one\n"
        "  replay [--start N] [--end N] [--limit N]\n"
        "                                events as lines of JSON\n"
        "  subscribe [--from N] [--table NAME] [--type TYPE]\n"
        "                                events as they happen (SSE); also: replay --follow\n"
        "  vector-insert KEY [..] [--table NAME]\n"
        "  vector-search [..] [--k N] [--table NAME] [--mode MODE] [--ef N] [--recall R]\n"
        "                [--filter SQL]  nearest vectors\n"
        "  snapshot | compact | rmi-build\n"
        "                                checkpoint; give back log space; train indexes\n"
        "  backup DIR | verify DIR       copy everything to a new directory of the server's "
        "machine;\n"
        "                                check every checksum of one that no server uses\n"
        "  restore --from DIR --data-dir DIR [--log DIR] [--to-lsn LSN] [--to-time TIME]\n"
        "                                a data directory from a backup, without a server\n"
        "  --version | --help\n\n"
        "Options:\n"
        "  -e, --url URL  the server (http://127.0.0.1:3030; KYRODB_URL)\n"
        "  --token TOKEN  token that the server wants (KYRODB_AUTH_TOKEN)\n"
        "  --insecure     do not check the server's certificate\n\n"
        "Exit status: 0 good, 1 the server answered with an error, 2 usage or no answer.\n",
        stdout);
}

static int
complain(const char *problem, const char *word)
{
    (void)fprintf(stderr, "kyrodbctl: %s \"%s\"; see kyrodbctl --help\n", problem, word);
    return CTL_USAGE;
}

static const char *
environment(const char *name, const char *fallback)
{
    const char *value = getenv(name);
    return value == NULL || value[0] == '\0' ? fallback : value;
}

/* The value of "--name VALUE" or "--name=VALUE" at *index, or NULL. */
static const char *
flag_value(int argc, char **argv, int *index, const char *name)
{
    size_t size = strlen(name);
    const char *word = argv[*index];
    if (strncmp(word, name, size) != 0) {
        return NULL;
    }
    if (word[size] == '=') {
        return word + size + 1;
    }
    return word[size] == '\0' && *index + 1 < argc ? argv[++*index] : NULL;
}

static int
run(const struct ctl_target *target, int argc, char **argv)
{
    for (size_t i = 0; i < KY_COUNT_OF(commands); i++) {
        if (strcmp(argv[0], commands[i].name) == 0) {
            if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK) {
                (void)fprintf(stderr, "kyrodbctl: libcurl does not start\n");
                return CTL_UNREACHABLE;
            }
            int result = commands[i].run(target, argc - 1, argv + 1);
            curl_global_cleanup();
            if (fflush(stdout) != 0 && result == CTL_OK) {
                result = CTL_UNREACHABLE;
            }
            return result;
        }
    }
    return complain("unknown command", argv[0]);
}

int
main(int argc, char **argv)
{
    struct ctl_target target = {
        .url = environment("KYRODB_URL", default_url),
        .token = environment("KYRODB_AUTH_TOKEN", NULL),
    };
    int i = 1;
    for (; i < argc && argv[i][0] == '-'; i++) {
        const char *word = argv[i];
        const char *value;
        if (strcmp(word, "--help") == 0) {
            print_help();
            return CTL_OK;
        }
        if (strcmp(word, "--version") == 0) {
            (void)printf("kyrodbctl %s\n", KYRO_VERSION);
            return CTL_OK;
        }
        if (strcmp(word, "--insecure") == 0) {
            target.is_insecure = true;
        } else if ((value = flag_value(argc, argv, &i, "--url")) != NULL ||
                   (value = flag_value(argc, argv, &i, "-e")) != NULL) {
            target.url = value;
        } else if ((value = flag_value(argc, argv, &i, "--token")) != NULL) {
            target.token = value;
        } else {
            return complain("unknown option, or one without its value:", word);
        }
    }
    if (i >= argc) {
        (void)fprintf(stderr, "kyrodbctl: a command is needed; see kyrodbctl --help\n");
        return CTL_USAGE;
    }
    return run(&target, argc - i, argv + i);
}

/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "server/ctl/request.h"

/* For requests that the server answers at once. */
enum { CTL_STATUS_TIMEOUT_S = 10 };

/* The commands. Arguments are those after the command's name. Return the exit code. */
#define CTL_COMMANDS(X)                       \
    X("status", command_status)               \
    X("health", command_health)               \
    X("ready", command_ready)                 \
    X("offset", command_offset)               \
    X("metrics", command_metrics)             \
    X("top", command_top)                     \
    X("sql", command_sql)                     \
    X("put", command_put)                     \
    X("lookup", command_lookup)               \
    X("append", command_append)               \
    X("replay", command_replay)               \
    X("subscribe", command_subscribe)         \
    X("vector-insert", command_vector_insert) \
    X("vector-search", command_vector_search) \
    X("snapshot", command_snapshot)           \
    X("compact", command_compact)             \
    X("backup", command_backup)               \
    X("verify", command_verify)               \
    X("restore", command_restore)             \
    X("rmi-build", command_rmi_build)

#define CTL_DECLARE(name, function) \
    int function(const struct ctl_target *target, int argc, char **argv);
CTL_COMMANDS(CTL_DECLARE)
#undef CTL_DECLARE

/* Says what was wrong with the arguments. CTL_USAGE. */
int ctl_usage(const char *text);
/* Appends "name=text" with text in URL form. */
void ctl_add_param(struct ky_buffer *path, const char *name, const char *text);
/* The value of a metric without labels; text ends with a zero byte. */
bool ctl_find_metric(const char *text, const char *name, double *value_out);

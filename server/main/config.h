/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "server/base/error.h"

/*
 * Configuration: each option is a flag, an environment variable KYRODB_... and a line
 * `name = value` of kyrodb.conf; the flag wins over the variable, the variable over the file.
 */
enum config_id {
#define OPTION(id, name, value, text) CONFIG_##id,
#include "server/main/config.def"
#undef OPTION
    CONFIG_COUNT
};

enum config_source { CONFIG_DEFAULT, CONFIG_FILE, CONFIG_ENVIRONMENT, CONFIG_FLAG };

struct config {
    char *values[CONFIG_COUNT]; /* owned; never NULL */
    enum config_source sources[CONFIG_COUNT];
};

void config_init(struct config *config);
void config_deinit(struct config *config);
/* Reads flags after the command word, variables, and the file that they name. Positional words
 * are [HOST] [HTTP_PORT]. F0000 or 22023 with the option's name. */
KY_MUST_CHECK ky_status config_load(struct config *config, int argc, char **argv,
                                    struct ky_error *err);
/* Reads only the file again (SIGHUP), below variables and flags. */
KY_MUST_CHECK ky_status config_reload(struct config *config, struct ky_error *err);
/* Every value is well-formed and they go together. */
KY_MUST_CHECK ky_status config_check(const struct config *config, struct ky_error *err);
const char *config_text(const struct config *config, enum config_id id);
/* After config_check. */
int config_port(const struct config *config, enum config_id id);
uint64_t config_size(const struct config *config, enum config_id id);
bool config_bool(const struct config *config, enum config_id id);
int64_t config_seconds(const struct config *config, enum config_id id);
const char *config_name(enum config_id id);
const char *config_help(enum config_id id);
const char *config_default(enum config_id id);
const char *config_source_name(enum config_source source);
/* 127.0.0.0/8, ::1, localhost. */
bool config_is_loopback(const char *host);

/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "server/base/compiler.h"

/* The server's own log, on standard error: "time level area event key=value ...". */
enum ky_log_level { KY_LOG_ERROR, KY_LOG_WARN, KY_LOG_INFO, KY_LOG_DEBUG };

void ky_log_set_level(enum ky_log_level level);
enum ky_log_level ky_log_level(void);
/* error, warn, info, debug; -1 for another word. */
int ky_log_level_parse(const char *word);
void ky_log_write(enum ky_log_level level, const char *area, const char *format, ...)
    KY_PRINTF(3, 4);

/* ky_log(INFO, "checkpoint", "checkpoint finished lsn=%" PRIu64, lsn) */
#define ky_log(level, area, ...)                             \
    do {                                                     \
        if (KY_LOG_##level <= ky_log_level()) {              \
            ky_log_write(KY_LOG_##level, area, __VA_ARGS__); \
        }                                                    \
    } while (0)

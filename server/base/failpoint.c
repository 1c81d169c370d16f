/* SPDX-License-Identifier: Apache-2.0 */
#include "server/base/failpoint.h"

#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { NAME_SIZE = 64 };

bool failpoint_is_armed; /* written before threads start */
static char armed_name[NAME_SIZE];
static atomic_long passes_left;
static long sleep_ms; /* 0: kill */

void
failpoint_init(void)
{
    const char *text = getenv("KYRO_FAILPOINT");
    const char *colon = text == NULL ? NULL : strchr(text, ':');
    if (failpoint_is_armed || colon == NULL || colon - text >= NAME_SIZE) {
        return;
    }
    memcpy(armed_name, text, (size_t)(colon - text));
    static const char sleeps[] = "sleep:";
    if (strncmp(colon + 1, sleeps, sizeof(sleeps) - 1) == 0) {
        sleep_ms = strtol(colon + sizeof(sleeps), NULL, 10);
    } else {
        atomic_store_explicit(&passes_left, strtol(colon + 1, NULL, 10), memory_order_relaxed);
    }
    failpoint_is_armed = true;
}

void
failpoint_pass(const char *name)
{
    if (strcmp(name, armed_name) != 0) {
        return;
    }
    if (sleep_ms > 0) {
        struct timespec time = {sleep_ms / 1000, sleep_ms % 1000 * 1000000};
        (void)nanosleep(&time, NULL);
    } else if (atomic_fetch_sub_explicit(&passes_left, 1, memory_order_relaxed) == 1) {
        (void)kill(getpid(), SIGKILL);
    }
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "storage/io/failpoint.h"

#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { NAME_SIZE = 64 };

bool failpoint_is_armed; /* written before threads start */
static char armed_name[NAME_SIZE];
static atomic_long passes_left;

void
failpoint_init(void)
{
    const char *text = getenv("KYRO_FAILPOINT");
    const char *colon = text == NULL ? NULL : strchr(text, ':');
    if (failpoint_is_armed || colon == NULL || colon - text >= NAME_SIZE) {
        return;
    }
    memcpy(armed_name, text, (size_t)(colon - text));
    atomic_store_explicit(&passes_left, strtol(colon + 1, NULL, 10), memory_order_relaxed);
    failpoint_is_armed = true;
}

void
failpoint_pass(const char *name)
{
    if (strcmp(name, armed_name) == 0 &&
        atomic_fetch_sub_explicit(&passes_left, 1, memory_order_relaxed) == 1) {
        (void)kill(getpid(), SIGKILL);
    }
}

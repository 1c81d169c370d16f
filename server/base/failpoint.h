/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>

#include "server/base/compiler.h"

/*
 * Places where a test wants the process killed, or slow. KYRO_FAILPOINT=NAME:N in the environment:
 * the N-th time that NAME is passed, the process gets SIGKILL. KYRO_FAILPOINT=NAME:sleep:MS: each
 * time, the thread sleeps. Otherwise a failpoint is one load and a branch never taken.
 *
 *   log-written        a group of frames is written, not synced
 *   log-placed         its commits are installed, locks of changed rows are gone, it is not synced
 *   log-shown          those that need no sync are visible and answered, it is not synced
 *   log-synced         it is synced, nobody has been answered
 *   manifest-written   a new manifest is written and synced, CURRENT names the old one
 *   manifest-switched  CURRENT names the new one
 *   checkpoint-rows    pages are written, not all of the rest
 *   checkpoint-files   all files are written, the manifest does not name them
 *   checkpoint-done    the manifest names them, old files are still there
 *   compact-written    a base file is written and synced, no manifest lists it
 *   compact-listed     it is listed, no slot points into it
 *   compact-relocated  slots point into it, no checkpoint knows
 *   compact-saved      a checkpoint knows, the sources are still listed
 *   compact-dropped    the manifest lists no source, the files are still there
 *   compact-unlinked   the files are gone
 *   rmi-freezing       a learned index is about to be built anew: its delta is frozen
 *   rmi-built          the new run is made and has caught up, readers use the old one
 *   rmi-saving         part of a saved learned index is written: after each of its six sections
 *   rmi-swapped        readers use the new one, the old one is not freed
 *   recovery-settled   the log's end is settled, nothing replayed
 *   recovery-done      the state is whole, nobody can connect
 */
extern bool failpoint_is_armed;
/* Reads the environment. Before threads start; again has no effect. */
void failpoint_init(void);
void failpoint_pass(const char *name);

static inline void
failpoint(const char *name)
{
    if (KY_UNLIKELY(failpoint_is_armed)) {
        failpoint_pass(name);
    }
}

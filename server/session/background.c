/* SPDX-License-Identifier: Apache-2.0 */
#include "server/session/session_private.h"

/*
 * Long work on the storage that a statement or a request waits for, on a thread that gives way: on
 * busy cores a commit would wait for the scheduler's slice of whoever compacts.
 */

struct work {
    struct storage *storage;
    enum compact_depth depth;
    const _Atomic int *cancel;
    struct compact_result *result;
    lsn_t *lsn;
    struct ky_error *err;
    ky_status status;
};

static void
compact(void *arg)
{
    struct work *work = arg;
    work->status =
        storage_compact(work->storage, work->depth, work->cancel, work->result, work->err);
}

static void
checkpoint(void *arg)
{
    struct work *work = arg;
    work->status = storage_checkpoint(work->storage, work->lsn, work->err);
}

ky_status
background_compact(struct storage *storage, enum compact_depth depth, const _Atomic int *cancel,
                   struct compact_result *result_out, struct ky_error *err)
{
    struct work work = {
        .storage = storage, .depth = depth, .cancel = cancel, .result = result_out, .err = err};
    ky_thread_run_background("compact", compact, &work);
    return work.status;
}

ky_status
background_checkpoint(struct storage *storage, lsn_t *lsn_out, struct ky_error *err)
{
    struct work work = {.storage = storage, .lsn = lsn_out, .err = err};
    ky_thread_run_background("checkpoint", checkpoint, &work);
    return work.status;
}

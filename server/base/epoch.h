/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "server/base/compiler.h"

/*
 * Epoch-based reclamation (Fraser, "Practical lock-freedom", 5.2.3): memory that a
 * lock-free reader may still hold is handed to ky_epoch_retire and freed once every
 * thread that was inside an epoch at that moment has left it.
 *
 * ky_epoch_enter/leave nest; they cost a store each. Never wait for anything
 * inside: a thread that stays in holds back all reclamation. Threads register themselves
 * on first use and unregister when they end.
 */
void ky_epoch_enter(void);
void ky_epoch_leave(void);

/* Calls release(pointer) later, on some thread that retires or on ky_epoch_drain. */
void ky_epoch_retire(void *pointer, void (*release)(void *));

/* Waits until every thread that is inside now has left. Not from inside; for background threads:
 * it sleeps. */
void ky_epoch_wait(void);
/* Frees what this thread retired and no reader can hold any more, without waiting: for whoever
 * retires little but large. */
void ky_epoch_reclaim(void);

/* Frees everything retired so far; only when no thread is inside (shutdown, tests). */
void ky_epoch_drain(void);

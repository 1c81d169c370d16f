/* SPDX-License-Identifier: Apache-2.0 */

#include "server/base/epoch.h"

#include <criterion/criterion.h>
#include <signal.h>
#include <stdlib.h>

#include "server/base/mutex.h"

static int released; /* touched by one thread at a time */

static void
count_release(void *pointer)
{
    released++;
    free(pointer);
}

static void
retire_again(void *pointer)
{
    released++;
    ky_epoch_retire(pointer, count_release);
}

Test(epoch, nothing_is_released_while_somebody_who_could_see_it_is_inside)
{
    ky_epoch_enter();
    ky_epoch_enter();
    for (int i = 0; i < 1000; i++) {
        ky_epoch_retire(malloc(1), count_release);
    }
    cr_assert_eq(released, 0);
    ky_epoch_leave();
    cr_assert_eq(released, 0);
    ky_epoch_leave();
    ky_epoch_drain();
    cr_assert_eq(released, 1000);
}

Test(epoch, retiring_releases_old_things_without_a_drain)
{
    for (int i = 0; i < 1000; i++) {
        ky_epoch_enter();
        ky_epoch_leave();
        ky_epoch_retire(malloc(1), count_release);
    }
    cr_assert_gt(released, 800);
    ky_epoch_drain();
    cr_assert_eq(released, 1000);
}

Test(epoch, a_release_may_retire)
{
    ky_epoch_retire(malloc(1), retire_again);
    ky_epoch_drain();
    cr_assert_eq(released, 2);
}

static void *
retire_three(void *arg)
{
    for (int i = 0; i < 3; i++) {
        ky_epoch_retire(malloc(1), count_release);
    }
    return arg;
}

Test(epoch, what_an_ended_thread_left_behind_is_released_by_others)
{
    for (int i = 0; i < 20; i++) {
        struct ky_thread thread;
        ky_thread_start(&thread, "retirer", retire_three, NULL);
        ky_thread_join(&thread);
    }
    cr_assert_eq(released, 0);
    for (int i = 0; i < 200; i++) {
        ky_epoch_retire(malloc(1), count_release);
    }
    cr_assert_geq(released, 60);
    ky_epoch_drain();
    cr_assert_eq(released, 260);
}

Test(epoch, leaving_what_was_not_entered_aborts, .signal = SIGABRT)
{
    ky_epoch_leave();
}

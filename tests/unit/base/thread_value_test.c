/* SPDX-License-Identifier: Apache-2.0 */
#include "server/base/thread_value.h"

#include <criterion/criterion.h>

#include "server/base/arena.h"
#include "server/base/mutex.h"

static _Atomic int made;
static _Atomic int freed;

static void *
number_new(void)
{
    int *number = ky_malloc(sizeof(*number));
    *number = made++;
    return number;
}

static void
number_free(void *value)
{
    freed++;
    ky_free(value);
}

static struct ky_thread_value number = {.make = number_new, .destroy = number_free};

static void *
ask_twice(void *arg)
{
    const int *own = ky_thread_value_get(&number);
    cr_expect_eq(ky_thread_value_get(&number), own);
    *(int *)arg = *own;
    return NULL;
}

Test(thread_value, each_thread_has_one_until_it_ends)
{
    struct ky_thread thread;
    int others = -1;
    const int *own = ky_thread_value_get(&number);
    const int before = *own;
    for (int i = 1; i <= 3; i++) {
        ky_thread_start(&thread, "asks", ask_twice, &others);
        ky_thread_join(&thread);
        cr_expect_eq(others, before + i);
        cr_expect_eq(freed, i);
    }
    cr_expect_eq(ky_thread_value_get(&number), own);
    cr_expect_eq(*own, before);
}

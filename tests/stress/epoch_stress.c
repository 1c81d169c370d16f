/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Readers look at a shared node inside an epoch while writers replace and retire it, and threads
 * come and go. A node is poisoned when released; a reader that sees poison, or a sanitizer that
 * sees a freed node, has found a mistake. At the end everything retired has been released.
 */

#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include "server/base/epoch.h"
#include "server/base/mutex.h"

enum { READERS = 3, WRITERS = 2, ROUNDS = 4, READS = 200000, WRITES = 60000, SLOTS = 4 };

struct node {
    uint64_t value;
    uint64_t check; /* ~value until released */
};

static _Atomic(struct node *) slots[SLOTS];
static _Atomic uint64_t retired_count;
static _Atomic uint64_t released_count;

static void
release_node(void *pointer)
{
    struct node *node = (struct node *)pointer;
    node->check = node->value;
    atomic_fetch_add(&released_count, 1);
    free(node);
}

static struct node *
new_node(uint64_t value)
{
    struct node *node = (struct node *)malloc(sizeof(*node));
    if (node == NULL) {
        abort();
    }
    *node = (struct node){value, ~value};
    return node;
}

static void *
read_nodes(void *arg)
{
    for (uint64_t i = 0; i < READS; i++) {
        ky_epoch_enter();
        struct node *node = atomic_load_explicit(&slots[i % SLOTS], memory_order_acquire);
        for (int again = 0; again < 3; again++) {
            if (node->check != ~node->value) {
                (void)fprintf(stderr, "a reader saw a released node\n");
                abort();
            }
        }
        ky_epoch_leave();
    }
    return arg;
}

static void *
write_nodes(void *arg)
{
    for (uint64_t i = 0; i < WRITES; i++) {
        struct node *fresh = new_node(i);
        struct node *old = atomic_exchange_explicit(&slots[i % SLOTS], fresh, memory_order_acq_rel);
        atomic_fetch_add(&retired_count, 1);
        ky_epoch_retire(old, release_node);
    }
    return arg;
}

static void
run_round(void)
{
    struct ky_thread threads[READERS + WRITERS];
    for (int i = 0; i < READERS + WRITERS; i++) {
        ky_thread_start(&threads[i], i < READERS ? "reader" : "writer",
                        i < READERS ? read_nodes : write_nodes, NULL);
    }
    for (int i = 0; i < READERS + WRITERS; i++) {
        ky_thread_join(&threads[i]);
    }
}

int
main(void)
{
    for (uint64_t i = 0; i < SLOTS; i++) {
        atomic_store(&slots[i], new_node(i));
    }
    for (int round = 0; round < ROUNDS; round++) {
        run_round();
    }
    uint64_t early = atomic_load(&released_count);
    ky_epoch_drain();
    for (int i = 0; i < SLOTS; i++) {
        free(atomic_load(&slots[i]));
    }
    uint64_t retired = atomic_load(&retired_count);
    uint64_t released = atomic_load(&released_count);
    (void)printf("retired=%llu released_early=%llu released=%llu\n", (unsigned long long)retired,
                 (unsigned long long)early, (unsigned long long)released);
    return retired == released && early > 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

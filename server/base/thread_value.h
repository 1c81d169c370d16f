/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <pthread.h>
#include <stdatomic.h>

/*
 * Something that each thread has one of, made when the thread first asks for it and freed when the
 * thread ends. A variable with static storage and these two functions:
 *
 *   static struct ky_thread_value cache = {.make = cache_new, .destroy = cache_free};
 */
struct ky_thread_value {
    void *(*make)(void);
    void (*destroy)(void *value);
    /* thread_value.c's. */
    _Atomic int is_open; /* release, once key can be used; pairs with acquire in get */
    pthread_key_t key;
    struct ky_thread_value *next;
};

/* The calling thread's. */
void *ky_thread_value_get(struct ky_thread_value *value);

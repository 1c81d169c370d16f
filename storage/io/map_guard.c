/* SPDX-License-Identifier: Apache-2.0 */
#include "storage/io/map_guard.h"

#include <inttypes.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "server/base/assert.h"
#include "server/base/log.h"
#include "server/base/mutex.h"

/*
 * A list of all maps for the signal handler, which may take no lock: entries are only added in
 * front and never freed; one whose map is gone has size 0 and serves the next one.
 *
 * SIGBUS comes at the very instruction that reads the page, in our own code, never within the C
 * library's allocator or stdio. So the handler may log as anybody does.
 */
enum { PATH_SIZE = 512 };

struct guarded_map {
    struct guarded_map *next; /* immutable once in the list */
    _Atomic(const uint8_t *) bytes;
    _Atomic size_t size; /* 0: free. Release after the rest, acquire by the handler. */
    char path[PATH_SIZE];
};

static struct ky_mutex maps_lock = {PTHREAD_MUTEX_INITIALIZER}; /* of those who change the list */
static _Atomic(struct guarded_map *) maps;
static int exit_code;

static struct guarded_map *
free_entry(void)
{
    struct guarded_map *map = atomic_load_explicit(&maps, memory_order_relaxed);
    while (map != NULL && atomic_load_explicit(&map->size, memory_order_relaxed) != 0) {
        map = map->next;
    }
    if (map == NULL) {
        map = calloc(1, sizeof(*map));
        KY_ASSERT(map != NULL);
        map->next = atomic_load_explicit(&maps, memory_order_relaxed);
        atomic_store_explicit(&maps, map, memory_order_release);
    }
    return map;
}

void
map_guard_add(const uint8_t *bytes, size_t size, const char *path)
{
    ky_mutex_lock(&maps_lock);
    struct guarded_map *map = free_entry();
    (void)snprintf(map->path, sizeof(map->path), "%s", path);
    atomic_store_explicit(&map->bytes, bytes, memory_order_relaxed);
    atomic_store_explicit(&map->size, size, memory_order_release);
    ky_mutex_unlock(&maps_lock);
}

void
map_guard_remove(const uint8_t *bytes)
{
    ky_mutex_lock(&maps_lock);
    struct guarded_map *map = atomic_load_explicit(&maps, memory_order_relaxed);
    while (map != NULL && (atomic_load_explicit(&map->size, memory_order_relaxed) == 0 ||
                           atomic_load_explicit(&map->bytes, memory_order_relaxed) != bytes)) {
        map = map->next;
    }
    KY_ASSERT(map != NULL);
    atomic_store_explicit(&map->size, 0, memory_order_release);
    ky_mutex_unlock(&maps_lock);
}

static void
on_bus_error(int number, siginfo_t *info, void *context)
{
    (void)context;
    const uint8_t *at = info->si_addr;
    const struct guarded_map *map = atomic_load_explicit(&maps, memory_order_acquire);
    for (; map != NULL; map = map->next) {
        size_t size = atomic_load_explicit(&map->size, memory_order_acquire);
        const uint8_t *bytes = atomic_load_explicit(&map->bytes, memory_order_relaxed);
        if ((uintptr_t)at - (uintptr_t)bytes < size) {
            ky_log(ERROR, "io",
                   "could not read mapped file, stopping: it became shorter or the disk failed "
                   "file=\"%s\" offset=%zu size=%zu",
                   map->path, (size_t)(at - bytes), size);
            _exit(exit_code);
        }
    }
    (void)signal(number, SIG_DFL); /* none of ours: it comes again and ends the process */
}

void
map_guard_install(int code)
{
    struct sigaction action = {.sa_sigaction = on_bus_error, .sa_flags = SA_SIGINFO};
    exit_code = code;
    (void)sigemptyset(&action.sa_mask);
    int failed = sigaction(SIGBUS, &action, NULL);
    KY_ASSERT(failed == 0);
}

/* SPDX-License-Identifier: Apache-2.0 */

/* Memory of runs. A lookup goes to a random place: a small page costs it a TLB miss too. */

#include <stdlib.h>
#include <sys/mman.h>

#include "index/rmi/run.h"
#include "server/base/assert.h"

enum { HUGE_PAGE_SIZE = 2 * 1024 * 1024, BLOCK_ALIGNMENT = 128 };

void *
rmi_pages_new(size_t size)
{
    if (size < HUGE_PAGE_SIZE) {
        const size_t room = KY_MAX(ky_align_up(size, BLOCK_ALIGNMENT), (size_t)BLOCK_ALIGNMENT);
        void *small = aligned_alloc(BLOCK_ALIGNMENT, room);
        KY_ASSERT(small != NULL);
        memset(small, 0, room);
        return small;
    }
    /* More than asked for, to begin at a huge page; the ends are given back. */
    const size_t room = ky_align_up(size, HUGE_PAGE_SIZE);
    char *from = (char *)mmap(NULL, room + HUGE_PAGE_SIZE, PROT_READ | PROT_WRITE,
                              MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    KY_ASSERT(from != MAP_FAILED);
    const size_t before = ky_align_up((uintptr_t)from, HUGE_PAGE_SIZE) - (uintptr_t)from;
    char *pages = from + before;
    if (before > 0) {
        (void)munmap(from, before);
    }
    (void)munmap(pages + room, HUGE_PAGE_SIZE - before);
    (void)madvise(pages, room, MADV_HUGEPAGE);
    return pages;
}

void *
rmi_pages_grow(void *pages, size_t size, size_t new_size)
{
    void *grown = rmi_pages_new(new_size);
    if (size < HUGE_PAGE_SIZE) {
        if (size > 0) {
            memcpy(grown, pages, size);
        }
        free(pages);
        return grown;
    }
    /* Both begin at a huge page: what is there is not copied. */
    const size_t room = ky_align_up(size, HUGE_PAGE_SIZE);
    void *moved = mremap(pages, room, room, MREMAP_MAYMOVE | MREMAP_FIXED, grown);
    KY_ASSERT(moved == grown);
    return grown;
}

size_t
rmi_pages_give_back(void *pages, size_t size, size_t from, size_t to)
{
    const size_t end = to / HUGE_PAGE_SIZE * HUGE_PAGE_SIZE;
    if (size < HUGE_PAGE_SIZE || end <= from) {
        return from;
    }
    (void)madvise((char *)pages + from, end - from, MADV_DONTNEED);
    return end;
}

void
rmi_pages_free(void *pages, size_t size)
{
    if (pages == NULL) {
        return;
    }
    if (size < HUGE_PAGE_SIZE) {
        free(pages);
    } else {
        (void)munmap(pages, ky_align_up(size, HUGE_PAGE_SIZE));
    }
}

void *
rmi_pages_trim(void *pages, size_t size, size_t new_size)
{
    if (size < HUGE_PAGE_SIZE) {
        return pages;
    }
    if (new_size < HUGE_PAGE_SIZE) {
        void *small = rmi_pages_new(new_size);
        memcpy(small, pages, new_size);
        rmi_pages_free(pages, size);
        return small;
    }
    const size_t kept = ky_align_up(new_size, HUGE_PAGE_SIZE);
    const size_t room = ky_align_up(size, HUGE_PAGE_SIZE);
    if (kept < room) {
        (void)munmap((char *)pages + kept, room - kept);
    }
    return pages;
}

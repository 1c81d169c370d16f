/* SPDX-License-Identifier: Apache-2.0 */

/*
 * A list of malloc'ed blocks, newest first. Small requests are cut from the newest shared block;
 * a large request gets a block of its own, which goes to the front of the list while the shared
 * block stays in use. A mark is therefore the front of the list plus a place in the newest shared
 * block at or behind it, and going back frees everything in front of the mark.
 */

#include "server/base/arena.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "server/base/assert.h"
#include "server/base/log.h"
#include "server/base/spill.h"

enum {
    ARENA_BLOCK_SIZE_MIN = 8 * 1024,
    ARENA_BLOCK_SIZE_MAX = 1024 * 1024,
    ARENA_OWN_BLOCK_SIZE_MIN = ARENA_BLOCK_SIZE_MAX / 4,
    ARENA_SPILLED_BLOCK_SIZE_MAX = 16 * 1024 * 1024,
    ARENA_RESET_KEEP_SIZE_MAX = 64 * 1024, /* an idle session holds no more than this */
    CALLOC_SMALL = 1024,
};

struct ky_arena_block {
    struct ky_arena_block *older;
    size_t size; /* of the whole block, this header included */
    bool is_own; /* holds one large request and nothing else */
    bool is_spilled;
};

enum { ARENA_HEADER_SIZE = 32 };
_Static_assert(sizeof(struct ky_arena_block) <= ARENA_HEADER_SIZE, "contents stay 16-aligned");

/* An empty arena points here, so that a request for nothing gets a real address. */
static KY_ALIGNED(16) char empty_block[16];

static char *
block_start(struct ky_arena_block *block)
{
    return (char *)block + ARENA_HEADER_SIZE;
}

static void
free_front_block(struct ky_arena *arena)
{
    struct ky_arena_block *block = arena->blocks;
    arena->blocks = block->older;
    arena->allocated_size -= block->size;
    if (block->is_spilled) {
        arena->spilled_size -= block->size;
        (void)ky_spill_free(arena->spill, block);
    } else {
        ky_free(block);
    }
}

static struct ky_arena_block *
push_block(struct ky_arena *arena, size_t size, bool is_own)
{
    struct ky_arena_block *block = NULL;
    const bool is_full =
        arena->spill != NULL &&
        arena->allocated_size - arena->spilled_size + size > arena->spill->work_mem;
    if (is_full) {
        block = ky_spill_alloc(arena->spill, size);
    }
    const bool is_spilled = block != NULL;
    if (is_spilled) {
        arena->spilled_size += size;
    } else {
        block = ky_malloc(size);
    }
    block->is_spilled = is_spilled;
    block->older = arena->blocks;
    block->size = size;
    block->is_own = is_own;
    arena->blocks = block;
    arena->allocated_size += size;
    return block;
}

static struct ky_arena_block *
shared_block(const struct ky_arena *arena)
{
    struct ky_arena_block *block = arena->blocks;
    while (block != NULL && block->is_own) {
        block = block->older;
    }
    return block;
}

/* In checked builds, dropped memory is made to look dropped. */
static void
scribble(char *from, const char *end)
{
#ifdef KY_SLOW_ASSERTS
    memset(from, 0xdd, (size_t)(end - from));
#else
    (void)from;
    (void)end;
#endif
}

void
ky_arena_init(struct ky_arena *arena)
{
    arena->next = arena->end = empty_block;
    arena->blocks = NULL;
    arena->allocated_size = 0;
    arena->spilled_size = 0;
    arena->spill = NULL;
}

void
ky_arena_set_spill(struct ky_arena *arena, struct ky_spill *spill)
{
    arena->spill = spill;
}

void
ky_arena_deinit(struct ky_arena *arena)
{
    while (arena->blocks != NULL) {
        free_front_block(arena);
    }
    ky_arena_init(arena);
}

void
ky_arena_reset(struct ky_arena *arena)
{
    struct ky_arena_block *keep = NULL;
    struct ky_spill *spill = arena->spill;
    while (arena->blocks != NULL) {
        struct ky_arena_block *block = arena->blocks;
        if (keep == NULL && !block->is_own && !block->is_spilled &&
            block->size <= ARENA_RESET_KEEP_SIZE_MAX) {
            keep = block;
            arena->blocks = block->older;
        } else {
            free_front_block(arena);
        }
    }
    ky_arena_init(arena);
    arena->spill = spill;
    if (keep != NULL) {
        keep->older = NULL;
        arena->blocks = keep;
        arena->allocated_size = keep->size;
        arena->next = block_start(keep);
        arena->end = (char *)keep + keep->size;
        scribble(arena->next, arena->end);
    }
}

struct ky_arena_mark
ky_arena_mark(const struct ky_arena *arena)
{
    return (struct ky_arena_mark){arena->blocks, arena->next};
}

void
ky_arena_rewind(struct ky_arena *arena, struct ky_arena_mark mark)
{
    while (arena->blocks != mark.block) {
        KY_ASSERT(arena->blocks != NULL);
        free_front_block(arena);
    }
    struct ky_arena_block *block = shared_block(arena);
    if (block == NULL) {
        arena->next = arena->end = empty_block;
        return;
    }
    arena->end = (char *)block + block->size;
    KY_ASSERT(mark.next >= block_start(block));
    KY_ASSERT(mark.next <= arena->end);
    arena->next = mark.next;
    scribble(arena->next, arena->end);
}

void *
ky_arena_alloc_slow(struct ky_arena *arena, size_t size)
{
    KY_ASSERT(size <= SIZE_MAX / 2);
    size_t rounded = ky_align_up(size, 16);
    if (rounded >= ARENA_OWN_BLOCK_SIZE_MIN) {
        return block_start(push_block(arena, ARENA_HEADER_SIZE + rounded, true));
    }
    const struct ky_arena_block *last = shared_block(arena);
    size_t block_size = last == NULL ? ARENA_BLOCK_SIZE_MIN : last->size * 2;
    while (block_size < ARENA_BLOCK_SIZE_MAX && block_size < 2 * rounded) {
        block_size *= 2;
    }
    const bool is_spilling = last != NULL && last->is_spilled;
    block_size = KY_MIN(block_size, is_spilling ? (size_t)ARENA_SPILLED_BLOCK_SIZE_MAX
                                                : (size_t)ARENA_BLOCK_SIZE_MAX);
    struct ky_arena_block *block = push_block(arena, block_size, false);
    char *place = block_start(block);
    arena->next = place + rounded;
    arena->end = (char *)block + block_size;
    return place;
}

typedef long long chunk16 __attribute__((vector_size(16), may_alias));

void *
ky_arena_calloc(struct ky_arena *arena, size_t count, size_t size)
{
    size_t total = 0;
    KY_ASSERT(!__builtin_mul_overflow(count, size, &total));
    void *place = ky_arena_alloc(arena, total);
    chunk16 *chunks = place;
    /* The room is a multiple of 16. Most requests are small, and a call costs more than they. */
    switch ((total + 15) / 16) {
    case 8:
        chunks[7] = (chunk16){0};
        KY_FALLTHROUGH;
    case 7:
        chunks[6] = (chunk16){0};
        KY_FALLTHROUGH;
    case 6:
        chunks[5] = (chunk16){0};
        KY_FALLTHROUGH;
    case 5:
        chunks[4] = (chunk16){0};
        KY_FALLTHROUGH;
    case 4:
        chunks[3] = (chunk16){0};
        KY_FALLTHROUGH;
    case 3:
        chunks[2] = (chunk16){0};
        KY_FALLTHROUGH;
    case 2:
        chunks[1] = (chunk16){0};
        KY_FALLTHROUGH;
    case 1:
        chunks[0] = (chunk16){0};
        KY_FALLTHROUGH;
    case 0:
        return place;
    default:
        memset(place, 0, total);
        return place;
    }
}

struct ky_slice
ky_slice_dup(struct ky_arena *arena, struct ky_slice slice)
{
    void *copy = ky_arena_alloc(arena, slice.size);
    if (slice.size > 0) {
        memcpy(copy, slice.data, slice.size);
    }
    return ky_slice(copy, slice.size);
}

char *
ky_arena_cstr(struct ky_arena *arena, struct ky_slice slice)
{
    char *copy = (char *)ky_arena_alloc(arena, slice.size + 1);
    if (slice.size > 0) {
        memcpy(copy, slice.data, slice.size);
    }
    copy[slice.size] = '\0';
    return copy;
}

char *
ky_arena_strdup(struct ky_arena *arena, const char *text)
{
    return ky_arena_cstr(arena, ky_slice_cstr(text));
}

char *
ky_arena_printf(struct ky_arena *arena, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    va_list again;
    va_copy(again, args);
    int size = vsnprintf(NULL, 0, format, args);
    va_end(args);
    KY_ASSERT(size >= 0);
    char *text = (char *)ky_arena_alloc(arena, (size_t)size + 1);
    (void)vsnprintf(text, (size_t)size + 1, format, again);
    va_end(again);
    return text;
}

KY_NORETURN KY_COLD static void
die_of_no_memory(size_t size)
{
    ky_log_write(KY_LOG_ERROR, "memory", "out of memory size=%zu", size);
    abort();
}

void *
ky_malloc(size_t size)
{
    void *place = malloc(size > 0 ? size : 1);
    if (KY_UNLIKELY(place == NULL)) {
        die_of_no_memory(size);
    }
    return place;
}

void *
ky_calloc(size_t count, size_t size)
{
    bool is_empty = count == 0 || size == 0;
    if (count <= CALLOC_SMALL && size <= CALLOC_SMALL && count * size <= CALLOC_SMALL) {
        /* glibc's calloc does not look into the thread's cache of freed blocks. */
        void *small = ky_malloc(count * size);
        memset(small, 0, count * size);
        return small;
    }
    void *place = calloc(is_empty ? 1 : count, is_empty ? 1 : size);
    if (KY_UNLIKELY(place == NULL)) {
        die_of_no_memory(count > SIZE_MAX / (is_empty ? 1 : size) ? SIZE_MAX : count * size);
    }
    return place;
}

void *
ky_realloc(void *pointer, size_t size)
{
    void *place = realloc(pointer, size > 0 ? size : 1);
    if (KY_UNLIKELY(place == NULL)) {
        die_of_no_memory(size);
    }
    return place;
}

char *
ky_strdup(const char *text)
{
    size_t size = strlen(text) + 1;
    return (char *)memcpy(ky_malloc(size), text, size);
}

void
ky_free(void *pointer)
{
    free(pointer);
}

/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "server/base/slice.h"

/**
 * Bump allocation for things that die together. Owned by one thread at a time.
 * Blocks double from ARENA_BLOCK_SIZE_MIN to ARENA_BLOCK_SIZE_MAX; a larger
 * request gets a block of its own. Everything is 16-byte aligned.
 */
struct ky_arena_block;
struct ky_spill;
struct ky_arena {
    char *next; /* free space in the current block */
    char *end;
    struct ky_arena_block *blocks; /* owned; newest first */
    size_t allocated_size;         /* bytes held */
    size_t spilled_size;           /* of them, in the temporary file */
    struct ky_spill *spill;        /* NULL: all blocks come from malloc */
};

/* A place to go back to: everything allocated after it is dropped by ky_arena_rewind. */
struct ky_arena_mark {
    struct ky_arena_block *block;
    char *next;
};

void ky_arena_init(struct ky_arena *arena);
void ky_arena_deinit(struct ky_arena *arena);
/* Blocks beyond the spill's work_mem come from it. Stays so until ky_arena_deinit. */
void ky_arena_set_spill(struct ky_arena *arena, struct ky_spill *spill);
/* Drops all contents, keeps one block so that the next statement need not call malloc. */
void ky_arena_reset(struct ky_arena *arena);
struct ky_arena_mark ky_arena_mark(const struct ky_arena *arena);
void ky_arena_rewind(struct ky_arena *arena, struct ky_arena_mark mark);

/* Never NULL: the process ends when the machine has no memory left. */
void *ky_arena_alloc_slow(struct ky_arena *arena, size_t size);

static inline void *
ky_arena_alloc(struct ky_arena *arena, size_t size)
{
    size_t rounded = ky_align_up(size, 16);
    if (KY_LIKELY(rounded >= size && rounded <= (size_t)(arena->end - arena->next))) {
        void *place = arena->next;
        arena->next += rounded;
        return place;
    }
    return ky_arena_alloc_slow(arena, size);
}

/* Zeroed. count * size must not overflow: the callers' counts are bounded. */
void *ky_arena_calloc(struct ky_arena *arena, size_t count, size_t size);
#define ky_arena_new(arena, type) ((type *)ky_arena_calloc((arena), 1, sizeof(type)))
#define ky_arena_array(arena, type, count) ((type *)ky_arena_calloc((arena), (count), sizeof(type)))

struct ky_slice ky_slice_dup(struct ky_arena *arena, struct ky_slice slice);
/* Zero-terminated copy. */
char *ky_arena_cstr(struct ky_arena *arena, struct ky_slice slice);
char *ky_arena_strdup(struct ky_arena *arena, const char *text);
char *ky_arena_printf(struct ky_arena *arena, const char *format, ...) KY_PRINTF(2, 3);

/* malloc family that ends the process instead of returning NULL. */
void *ky_malloc(size_t size);
void *ky_calloc(size_t count, size_t size);
void *ky_realloc(void *pointer, size_t size);
char *ky_strdup(const char *text);
void ky_free(void *pointer);

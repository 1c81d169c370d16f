/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Runs at build time: prints the body of keyword_slots, a hash table of indexes into
 * keyword_table, open addressing with steps of one. keyword.c uses the same hash.
 */
#include <stdio.h>

#include "parser/keyword_hash_private.h"

static const char *const names[] = {
#define KEYWORD(name, token, class, is_bare_label) name,
#include "parser/keyword.def"
#undef KEYWORD
};

int
main(void)
{
    static unsigned slots[KEYWORD_SLOT_COUNT];
    for (unsigned i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        unsigned slot = keyword_hash(names[i], strlen(names[i]));
        while (slots[slot] != 0) {
            slot = (slot + 1) % KEYWORD_SLOT_COUNT;
        }
        slots[slot] = i + 1;
    }
    for (unsigned i = 0; i < KEYWORD_SLOT_COUNT; i++) {
        printf("%u,%c", slots[i], i % 16 == 15 ? '\n' : ' ');
    }
    return 0;
}

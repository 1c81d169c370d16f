/* SPDX-License-Identifier: Apache-2.0 */
#include "parser/keyword_hash_private.h"
#include "parser/parser.h"
#include "parser/parser_tokens.h"

/* The table in keyword.def, found through a hash made at build time by keyword_gen.c. */

const struct keyword keyword_table[] = {
#define KEYWORD(name, token, class, is_bare_label) \
    {name, (enum keyword_class)(class), is_bare_label, TK_##token},
#include "parser/keyword.def"
#undef KEYWORD
};

const int keyword_count = KY_COUNT_OF(keyword_table);

static const uint16_t keyword_slots[KEYWORD_SLOT_COUNT] = {
#include "parser/keyword_slots.inc"
};

const struct keyword *
keyword_find(const char *name, size_t size)
{
    if (size == 0 || size > KEYWORD_SIZE_MAX) {
        return NULL;
    }
    unsigned slot = keyword_hash(name, size);
    while (keyword_slots[slot] != 0) {
        const struct keyword *keyword = &keyword_table[keyword_slots[slot] - 1];
        if (strncmp(keyword->name, name, size) == 0 && keyword->name[size] == '\0') {
            return keyword;
        }
        slot = (slot + 1) % KEYWORD_SLOT_COUNT;
    }
    return NULL;
}

/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "server/sql/deparse/deparse_private.h"

/*
 * Lines and how far they are indented. The keywords of a query end in the same place, so a clause
 * is moved back by the length of the clause before it: SELECT, FROM and WHERE line up at the right.
 */

static void
cut_blanks(struct ky_buffer *out)
{
    while (out->size > 0 && out->data[out->size - 1] == ' ') {
        out->size--;
    }
}

void
dp_keyword(struct printer *p, const char *word, int before, int after, int more)
{
    if (!p->style.is_indented) {
        dp_put(p, word);
        return;
    }
    p->indent += before;
    cut_blanks(p->out);
    ky_buffer_append_byte(p->out, '\n');
    int blanks = KY_MAX(p->indent, 0);
    if (p->indent >= INDENT_MAX) {
        /* Deep down the steps are shorter, and begin again at the left. */
        blanks = INDENT_MAX + (p->indent - INDENT_MAX) / (INDENT_CLAUSE / 2);
        blanks %= INDENT_MAX;
    }
    for (int i = 0; i < blanks + more; i++) {
        ky_buffer_append_byte(p->out, ' ');
    }
    dp_put(p, word);
    p->indent = KY_MAX(p->indent + after, 0);
}

void
dp_clause(struct printer *p, const char *word, int more)
{
    dp_keyword(p, word, -INDENT_CLAUSE, INDENT_CLAUSE, more);
}

/* ---- lists ---- */

static bool
has_line_end(struct ky_slice text)
{
    return text.size > 0 && memchr(text.data, '\n', text.size) != NULL;
}

static size_t
last_line_size(const struct ky_buffer *out)
{
    size_t size = 0;
    while (size < out->size && out->data[out->size - 1 - size] != '\n') {
        size++;
    }
    return size;
}

void
dp_item_begin(struct printer *p, struct list_layout *layout)
{
    layout->outer = p->out;
    layout->item = (struct ky_buffer){0};
    p->out = &layout->item;
}

void
dp_item_end(struct printer *p, struct list_layout *layout)
{
    const struct ky_slice item = ky_buffer_slice(&layout->item);
    const bool begins_line = item.size > 0 && layout->item.data[0] == '\n';
    p->out = layout->outer;
    if (p->style.is_indented) {
        const size_t line = last_line_size(p->out) + item.size;
        const bool is_full = line > (size_t)p->style.wrap_size;
        if (begins_line) {
            cut_blanks(p->out);
        } else if (!layout->is_first && (is_full || layout->was_multiline)) {
            dp_keyword(p, "", -INDENT_CLAUSE, INDENT_CLAUSE, INDENT_ITEM);
        }
    }
    ky_buffer_append_slice(p->out, item);
    if (layout->minds_lines) {
        const size_t skipped = begins_line ? 1 : 0;
        layout->was_multiline =
            has_line_end(ky_slice((const char *)item.data + skipped, item.size - skipped));
    }
    layout->is_first = false;
    ky_buffer_deinit(&layout->item);
}

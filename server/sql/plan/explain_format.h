/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "server/base/buffer.h"

/*
 * How EXPLAIN's facts are written: as lines of text, JSON, XML or YAML, each laid out as PostgreSQL
 * does. The caller opens groups and gives properties; groups exist in the structured forms only.
 * The headings of the text form ("->  Seq Scan on t") are the caller's.
 */

struct explain_out {
    struct ky_buffer *to; /* the caller's */
    char format;          /* 't'ext, 'j'son, 'x'ml, 'y'aml */
    int depth;            /* text: columns of indentation; else levels */
};

static inline bool
explain_is_text(const struct explain_out *out)
{
    return out->format == 't';
}

void explain_begin(struct explain_out *out);
void explain_end(struct explain_out *out);

/* kind names the element in XML ("Plan"); label in the others, or NULL in a list. */
void explain_open(struct explain_out *out, const char *kind, const char *label, bool is_object);
void explain_close(struct explain_out *out, const char *kind, bool is_object);

/* Properties. unit is shown by the text form alone ("kB"; "": none). */
void explain_text(struct explain_out *out, const char *label, struct ky_slice text);
void explain_cstr(struct explain_out *out, const char *label, const char *text);
void explain_bool(struct explain_out *out, const char *label, bool value);
void explain_integer(struct explain_out *out, const char *label, const char *unit, uint64_t value);
void explain_real(struct explain_out *out, const char *label, const char *unit, int digits,
                  double value);
void explain_list(struct explain_out *out, const char *label, const struct ky_slice *items,
                  size_t count);
/* A list inside of a list; of the structured forms only. kind: its element in XML. */
void explain_nested_list(struct explain_out *out, const char *kind, const struct ky_slice *items,
                         size_t count);
/* Text: a new line, indented. */
void explain_line(struct explain_out *out);

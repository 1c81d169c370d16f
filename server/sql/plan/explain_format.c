/* SPDX-License-Identifier: Apache-2.0 */
#include "server/sql/plan/explain_format.h"

#include <stdio.h>

#include "server/base/json.h"

/* Levels of the structured forms are two columns each. Whether an item is a group's first is seen
 * from what stands before it. */

static void
put_indent(struct explain_out *out, int columns)
{
    for (int i = 0; i < columns; i++) {
        ky_buffer_append_byte(out->to, ' ');
    }
}

void
explain_line(struct explain_out *out)
{
    ky_buffer_append_byte(out->to, '\n');
    put_indent(out, out->depth);
}

static bool
ends_with(const struct ky_buffer *buffer, const char *end)
{
    size_t size = strlen(end);
    return buffer->size >= size && memcmp(buffer->data + buffer->size - size, end, size) == 0;
}

/* ------------------------------------------------------------------ XML */

/* An element's name: blanks and what else XML does not allow become hyphens. */
static void
put_tag(struct explain_out *out, const char *name, const char *before, const char *after)
{
    ky_buffer_append_cstr(out->to, before);
    for (; *name != '\0'; name++) {
        bool is_allowed = (*name >= 'a' && *name <= 'z') || (*name >= 'A' && *name <= 'Z') ||
                          (*name >= '0' && *name <= '9') || *name == '_' || *name == '.';
        ky_buffer_append_byte(out->to, is_allowed ? (uint8_t)*name : '-');
    }
    ky_buffer_append_cstr(out->to, after);
}

static void
put_xml_text(struct explain_out *out, struct ky_slice text)
{
    const uint8_t *bytes = text.data;
    for (size_t i = 0; i < text.size; i++) {
        switch (bytes[i]) {
        case '&':
            ky_buffer_append_cstr(out->to, "&amp;");
            break;
        case '<':
            ky_buffer_append_cstr(out->to, "&lt;");
            break;
        case '>':
            ky_buffer_append_cstr(out->to, "&gt;");
            break;
        case '\r':
            ky_buffer_append_cstr(out->to, "&#x0d;");
            break;
        default:
            ky_buffer_append_byte(out->to, bytes[i]);
            break;
        }
    }
}

/* ------------------------------------------------------------------ groups */

/* Goes to where the next item of a structured form stands. */
static void
put_item_start(struct explain_out *out)
{
    switch (out->format) {
    case 'j':
        if (!ends_with(out->to, "{") && !ends_with(out->to, "[")) {
            ky_buffer_append_byte(out->to, ',');
        }
        ky_buffer_append_byte(out->to, '\n');
        put_indent(out, 2 * out->depth);
        break;
    case 'x':
        put_indent(out, 2 * out->depth);
        break;
    case 'y':
        /* The first of an object in a list stands behind the list's hyphen. */
        if (out->to->size > 0 && !ends_with(out->to, "- ")) {
            ky_buffer_append_byte(out->to, '\n');
            put_indent(out, 2 * out->depth);
        }
        break;
    default:
        break;
    }
}

void
explain_begin(struct explain_out *out)
{
    if (out->format == 'j') {
        ky_buffer_append_byte(out->to, '[');
        out->depth = 1;
    } else if (out->format == 'x') {
        ky_buffer_append_cstr(out->to,
                              "<explain xmlns=\"http://www.postgresql.org/2009/explain\">\n");
        out->depth = 1;
    }
}

void
explain_end(struct explain_out *out)
{
    if (out->format == 'j') {
        ky_buffer_append_cstr(out->to, "\n]");
    } else if (out->format == 'x') {
        ky_buffer_append_cstr(out->to, "</explain>");
    }
    out->depth = 0;
}

void
explain_open(struct explain_out *out, const char *kind, const char *label, bool is_object)
{
    if (explain_is_text(out)) {
        return;
    }
    put_item_start(out);
    if (out->format == 'x') {
        put_tag(out, kind, "<", ">\n");
    } else if (out->format == 'y') {
        ky_buffer_printf(out->to, label == NULL ? "- " : "%s: ", label);
    } else {
        if (label != NULL) {
            json_write_string(out->to, ky_slice_cstr(label));
            ky_buffer_append_cstr(out->to, ": ");
        }
        ky_buffer_append_byte(out->to, is_object ? '{' : '[');
    }
    out->depth++;
}

void
explain_close(struct explain_out *out, const char *kind, bool is_object)
{
    if (explain_is_text(out)) {
        return;
    }
    out->depth--;
    if (out->format == 'x') {
        put_indent(out, 2 * out->depth);
        put_tag(out, kind, "</", ">\n");
    } else if (out->format == 'j') {
        ky_buffer_append_byte(out->to, '\n');
        put_indent(out, 2 * out->depth);
        ky_buffer_append_byte(out->to, is_object ? '}' : ']');
    }
}

/* ------------------------------------------------------------------ properties */

static void
put_property(struct explain_out *out, const char *label, const char *unit, struct ky_slice value,
             bool is_number)
{
    switch (out->format) {
    case 't':
        explain_line(out);
        ky_buffer_printf(out->to, "%s: ", label);
        ky_buffer_append(out->to, value.data, value.size);
        if (unit[0] != '\0') {
            ky_buffer_printf(out->to, "%s%s", strcmp(unit, "ms") == 0 ? " " : "", unit);
        }
        break;
    case 'x':
        put_item_start(out);
        put_tag(out, label, "<", ">");
        put_xml_text(out, value);
        put_tag(out, label, "</", ">\n");
        break;
    default:
        put_item_start(out);
        ky_buffer_printf(out->to, out->format == 'j' ? "\"%s\": " : "%s: ", label);
        if (is_number) {
            ky_buffer_append(out->to, value.data, value.size);
        } else {
            json_write_string(out->to, value);
        }
        break;
    }
}

void
explain_text(struct explain_out *out, const char *label, struct ky_slice text)
{
    put_property(out, label, "", text, false);
}

void
explain_cstr(struct explain_out *out, const char *label, const char *text)
{
    put_property(out, label, "", ky_slice_cstr(text), false);
}

void
explain_bool(struct explain_out *out, const char *label, bool value)
{
    put_property(out, label, "", ky_slice_cstr(value ? "true" : "false"), true);
}

void
explain_integer(struct explain_out *out, const char *label, const char *unit, uint64_t value)
{
    char text[32];
    (void)snprintf(text, sizeof(text), "%llu", (unsigned long long)value);
    put_property(out, label, unit, ky_slice_cstr(text), true);
}

void
explain_real(struct explain_out *out, const char *label, const char *unit, int digits, double value)
{
    char text[512];
    (void)snprintf(text, sizeof(text), "%.*f", digits, value);
    put_property(out, label, unit, ky_slice_cstr(text), true);
}

/* ["a", "b"] */
static void
put_inline_list(struct explain_out *out, const struct ky_slice *items, size_t count)
{
    ky_buffer_append_byte(out->to, '[');
    for (size_t i = 0; i < count; i++) {
        ky_buffer_append_cstr(out->to, i == 0 ? "" : ", ");
        json_write_string(out->to, items[i]);
    }
    ky_buffer_append_byte(out->to, ']');
}

static void
put_xml_list(struct explain_out *out, const char *label, const struct ky_slice *items, size_t count)
{
    put_tag(out, label, "<", ">\n");
    for (size_t i = 0; i < count; i++) {
        put_indent(out, 2 * out->depth + 2);
        ky_buffer_append_cstr(out->to, "<Item>");
        put_xml_text(out, items[i]);
        ky_buffer_append_cstr(out->to, "</Item>\n");
    }
    put_indent(out, 2 * out->depth);
    put_tag(out, label, "</", ">\n");
}

void
explain_list(struct explain_out *out, const char *label, const struct ky_slice *items, size_t count)
{
    if (explain_is_text(out)) {
        explain_line(out);
        ky_buffer_printf(out->to, "%s: ", label);
        for (size_t i = 0; i < count; i++) {
            ky_buffer_append_cstr(out->to, i == 0 ? "" : ", ");
            ky_buffer_append(out->to, items[i].data, items[i].size);
        }
        return;
    }
    put_item_start(out);
    switch (out->format) {
    case 'j':
        ky_buffer_printf(out->to, "\"%s\": ", label);
        put_inline_list(out, items, count);
        break;
    case 'x':
        put_xml_list(out, label, items, count);
        break;
    default:
        ky_buffer_printf(out->to, "%s: ", label);
        for (size_t i = 0; i < count; i++) {
            ky_buffer_append_byte(out->to, '\n');
            put_indent(out, 2 * out->depth + 2);
            ky_buffer_append_cstr(out->to, "- ");
            json_write_string(out->to, items[i]);
        }
        break;
    }
}

void
explain_nested_list(struct explain_out *out, const char *kind, const struct ky_slice *items,
                    size_t count)
{
    if (explain_is_text(out)) {
        return;
    }
    put_item_start(out);
    if (out->format == 'x') {
        put_xml_list(out, kind, items, count);
        return;
    }
    ky_buffer_append_cstr(out->to, out->format == 'y' ? "- " : "");
    put_inline_list(out, items, count);
}

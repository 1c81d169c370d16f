/* SPDX-License-Identifier: Apache-2.0 */
#include "server/func/regex.h"

#include <stdio.h>

#include "server/base/thread_value.h"
#include "server/func/utext.h"

/*
 * PostgreSQL's regular expressions (Tcl's ARE) on PCRE2: a pattern is rewritten where the two
 * differ, then compiled, and kept in a small cache of the thread. What stays different: among
 * alternatives PCRE2 takes the first that matches, ARE the longest.
 */

enum { REGEX_CACHE_SIZE = 32, REGEX_MATCH_LIMIT = 20 * 1000 * 1000 };

struct cached_regex {
    struct regex regex;
    struct ky_buffer pattern;
    uint32_t options;
    bool is_literal;
    uint64_t used_at;
};

struct regex_cache {
    struct cached_regex entries[REGEX_CACHE_SIZE];
    size_t count;
    uint64_t clock;
    pcre2_match_context *context;
};

static void
entry_deinit(struct cached_regex *entry)
{
    pcre2_match_data_free(entry->regex.match);
    pcre2_code_free(entry->regex.code);
    ky_buffer_deinit(&entry->pattern);
    *entry = (struct cached_regex){0};
}

static void
cache_free(void *pointer)
{
    struct regex_cache *cache = pointer;
    for (size_t i = 0; i < cache->count; i++) {
        entry_deinit(&cache->entries[i]);
    }
    pcre2_match_context_free(cache->context);
    ky_free(cache);
}

static void *
cache_new(void)
{
    struct regex_cache *cache = ky_calloc(1, sizeof(*cache));
    cache->context = pcre2_match_context_create(NULL);
    KY_ASSERT(cache->context != NULL);
    pcre2_set_match_limit(cache->context, REGEX_MATCH_LIMIT);
    return cache;
}

static struct ky_thread_value caches = {.make = cache_new, .destroy = cache_free};

static struct regex_cache *
cache_get(void)
{
    return ky_thread_value_get(&caches);
}

ky_status
regex_flags_parse(struct ky_slice text, struct regex_flags *flags, struct ky_error *err)
{
    const uint8_t *bytes = text.data;
    for (size_t i = 0; i < text.size; i++) {
        switch (bytes[i]) {
        case 'g':
            flags->is_global = true;
            break;
        case 'i':
            flags->options |= PCRE2_CASELESS;
            break;
        case 'c':
            flags->options &= ~PCRE2_CASELESS;
            break;
        case 'm':
        case 'n':
            flags->options |= PCRE2_MULTILINE;
            flags->options &= ~PCRE2_DOTALL;
            break;
        case 'p':
            flags->options &= ~(PCRE2_DOTALL | PCRE2_MULTILINE);
            break;
        case 's':
            flags->options |= PCRE2_DOTALL;
            flags->options &= ~PCRE2_MULTILINE;
            break;
        case 'w':
            flags->options |= PCRE2_DOTALL | PCRE2_MULTILINE;
            break;
        case 'x':
            flags->options |= PCRE2_EXTENDED;
            break;
        case 't':
            flags->options &= ~PCRE2_EXTENDED;
            break;
        case 'q':
            flags->is_literal = true;
            break;
        case 'b':
        case 'e':
            break;
        default:
            return ky_error_set(err, KY_INVALID_PARAMETER_VALUE,
                                "invalid regular expression option: \"%.*s\"",
                                (int)utext_size(bytes[i]), (const char *)bytes + i);
        }
    }
    return KY_OK;
}

static ky_status
invalid(struct ky_error *err, const char *reason)
{
    return ky_error_set(err, KY_INVALID_REGULAR_EXPRESSION, "invalid regular expression: %s",
                        reason);
}

/* One bracket expression, from its [ on; returns where it ends. */
static size_t
rewrite_bracket(const char *p, size_t size, size_t i, struct ky_buffer *out)
{
    if (size - i >= 7 && memcmp(p + i, "[[:<:]]", 7) == 0) {
        ky_buffer_append_cstr(out, "\\b(?=\\w)");
        return i + 7;
    }
    if (size - i >= 7 && memcmp(p + i, "[[:>:]]", 7) == 0) {
        ky_buffer_append_cstr(out, "\\b(?<=\\w)");
        return i + 7;
    }
    ky_buffer_append_byte(out, '[');
    i++;
    if (i < size && p[i] == '^') {
        ky_buffer_append_byte(out, '^');
        i++;
    }
    if (i < size && p[i] == ']') {
        ky_buffer_append_cstr(out, "\\]");
        i++;
    }
    while (i < size && p[i] != ']') {
        if (p[i] == '[' && i + 1 < size &&
            (p[i + 1] == ':' || p[i + 1] == '.' || p[i + 1] == '=')) {
            const char kind = p[i + 1];
            size_t end = i + 2;
            while (end + 1 < size && (p[end] != kind || p[end + 1] != ']')) {
                end++;
            }
            if (end + 1 >= size) {
                break;
            }
            if (kind == ':') {
                ky_buffer_append(out, p + i, end + 2 - i);
            } else {
                ky_buffer_append_byte(out, '\\');
                ky_buffer_append(out, p + i + 2, end - i - 2);
            }
            i = end + 2;
        } else if (p[i] == '[') {
            ky_buffer_append_cstr(out, "\\[");
            i++;
        } else if (p[i] == '\\' && i + 1 < size) {
            ky_buffer_append(out, p + i, 2);
            i += 2;
        } else {
            ky_buffer_append_byte(out, (uint8_t)p[i++]);
        }
    }
    if (i < size) {
        ky_buffer_append_byte(out, ']');
        i++;
    }
    return i;
}

static size_t
rewrite_escape(const char *p, size_t size, size_t i, struct ky_buffer *out)
{
    if (i + 1 >= size) {
        ky_buffer_append_byte(out, '\\');
        return i + 1;
    }
    switch (p[i + 1]) {
    case 'y':
        ky_buffer_append_cstr(out, "\\b");
        break;
    case 'Y':
        ky_buffer_append_cstr(out, "\\B");
        break;
    case 'm':
        ky_buffer_append_cstr(out, "\\b(?=\\w)");
        break;
    case 'M':
        ky_buffer_append_cstr(out, "\\b(?<=\\w)");
        break;
    case 'Z':
        ky_buffer_append_cstr(out, "\\z");
        break;
    case 'b':
        ky_buffer_append_cstr(out, "\\x08");
        break;
    case 'B':
        ky_buffer_append_cstr(out, "\\\\");
        break;
    case 'u':
    case 'U': {
        size_t digits = p[i + 1] == 'u' ? 4 : 8;
        if (size - i >= digits + 2) {
            ky_buffer_printf(out, "\\x{%.*s}", (int)digits, p + i + 2);
            return i + 2 + digits;
        }
        ky_buffer_append(out, p + i, 2);
        break;
    }
    default:
        ky_buffer_append(out, p + i, 2);
    }
    return i + 2;
}

static ky_status
rewrite(struct ky_slice pattern, struct regex_flags *flags, struct ky_buffer *out,
        struct ky_error *err)
{
    const char *p = pattern.data;
    const size_t size = pattern.size;
    size_t i = 0;
    if (size >= 4 && memcmp(p, "***=", 4) == 0) {
        flags->is_literal = true;
        i = 4;
    } else if (size >= 4 && memcmp(p, "***:", 4) == 0) {
        i = 4;
    }
    if (!flags->is_literal && size - i > 3 && p[i] == '(' && p[i + 1] == '?' && p[i + 2] >= 'a' &&
        p[i + 2] <= 'z') {
        size_t end = i + 2;
        while (end < size && p[end] >= 'a' && p[end] <= 'z') {
            end++;
        }
        if (end < size && p[end] == ')') {
            KY_TRY(regex_flags_parse(ky_slice(p + i + 2, end - i - 2), flags, err));
            i = end + 1;
        }
    }
    if (flags->is_literal) {
        ky_buffer_append(out, p + i, size - i);
        return KY_OK;
    }
    bool was_quantifier = false;
    while (i < size) {
        const char c = p[i];
        const bool is_quantifier = c == '*' || c == '+' || c == '?';
        if (was_quantifier && (c == '*' || c == '+')) {
            return invalid(err, "quantifier operand invalid");
        }
        if (c == '[') {
            /* With newline-sensitive matching a complemented bracket leaves out newline. */
            const bool spares_newline =
                (flags->options & PCRE2_DOTALL) == 0 && i + 1 < size && p[i + 1] == '^';
            if (spares_newline) {
                ky_buffer_append_cstr(out, "(?!\\n)");
            }
            i = rewrite_bracket(p, size, i, out);
        } else if (c == '\\') {
            i = rewrite_escape(p, size, i, out);
        } else {
            ky_buffer_append_byte(out, (uint8_t)c);
            i++;
        }
        /* ?? and *? are lazy forms: the mark after the first ? ends the quantifier. */
        was_quantifier = is_quantifier && !(i >= 2 && p[i - 2] == '(');
    }
    return KY_OK;
}

static const char *
reason_of(int code, char *text, size_t size)
{
    switch (code) {
    case 106:
        return "brackets [] not balanced";
    case 114:
    case 122:
        return "parentheses () not balanced";
    case 109:
        return "quantifier operand invalid";
    case 104:
    case 105:
        return "invalid repetition count(s)";
    case 108:
        return "invalid character range";
    case 130:
        return "invalid character class";
    case 101:
    case 103:
        return "invalid escape \\ sequence";
    case 115:
        return "invalid backreference number";
    default:
        pcre2_get_error_message(code, (PCRE2_UCHAR *)text, size);
        return text;
    }
}

static ky_status
compile(struct ky_slice pattern, const struct regex_flags *given, struct cached_regex *entry,
        struct ky_error *err)
{
    struct regex_flags flags = *given;
    struct ky_buffer rewritten = {0};
    if (rewrite(pattern, &flags, &rewritten, err) != KY_OK) {
        ky_buffer_deinit(&rewritten);
        return KY_ERR;
    }
    uint32_t options =
        flags.is_literal
            ? PCRE2_UTF | PCRE2_NO_UTF_CHECK | PCRE2_LITERAL | (flags.options & PCRE2_CASELESS)
            : PCRE2_UTF | PCRE2_UCP | PCRE2_NO_UTF_CHECK | PCRE2_DOLLAR_ENDONLY |
                  PCRE2_NEVER_BACKSLASH_C | flags.options;
    int code;
    PCRE2_SIZE offset;
    const uint8_t *text = rewritten.size == 0 ? (const uint8_t *)"" : rewritten.data;
    entry->regex.code = pcre2_compile(text, rewritten.size, options, &code, &offset, NULL);
    ky_buffer_deinit(&rewritten);
    if (entry->regex.code == NULL) {
        char reason[128];
        return invalid(err, reason_of(code, reason, sizeof(reason)));
    }
    /* Without the compiler for this machine the interpreter runs. */
    (void)pcre2_jit_compile(entry->regex.code, PCRE2_JIT_COMPLETE);
    entry->regex.match = pcre2_match_data_create_from_pattern(entry->regex.code, NULL);
    KY_ASSERT(entry->regex.match != NULL);
    pcre2_pattern_info(entry->regex.code, PCRE2_INFO_CAPTURECOUNT, &entry->regex.group_count);
    return KY_OK;
}

ky_status
regex_get(struct ky_slice pattern, const struct regex_flags *flags, struct regex *regex,
          struct ky_error *err)
{
    struct regex_cache *cache = cache_get();
    struct cached_regex *oldest = &cache->entries[0];
    for (size_t i = 0; i < cache->count; i++) {
        struct cached_regex *entry = &cache->entries[i];
        if (entry->options == flags->options && entry->is_literal == flags->is_literal &&
            ky_slice_equal(ky_buffer_slice(&entry->pattern), pattern)) {
            entry->used_at = ++cache->clock;
            *regex = entry->regex;
            return KY_OK;
        }
        oldest = entry->used_at < oldest->used_at ? entry : oldest;
    }
    struct cached_regex fresh = {.options = flags->options, .is_literal = flags->is_literal};
    KY_TRY(compile(pattern, flags, &fresh, err));
    ky_buffer_append_slice(&fresh.pattern, pattern);
    fresh.used_at = ++cache->clock;
    if (cache->count < REGEX_CACHE_SIZE) {
        oldest = &cache->entries[cache->count++];
    } else {
        entry_deinit(oldest);
    }
    *oldest = fresh;
    *regex = fresh.regex;
    return KY_OK;
}

ky_status
regex_search(const struct regex *regex, struct ky_slice text, size_t from, bool *is_match_out,
             struct ky_error *err)
{
    const uint8_t *bytes = text.size == 0 ? (const uint8_t *)"" : text.data;
    int result = pcre2_match(regex->code, bytes, text.size, from, PCRE2_NO_UTF_CHECK, regex->match,
                             cache_get()->context);
    if (result < 0 && result != PCRE2_ERROR_NOMATCH) {
        char reason[128];
        pcre2_get_error_message(result, (PCRE2_UCHAR *)reason, sizeof(reason));
        return ky_error_set(err, KY_INVALID_REGULAR_EXPRESSION, "regular expression failed: %s",
                            reason);
    }
    *is_match_out = result >= 0;
    return KY_OK;
}

bool
regex_group(const struct regex *regex, struct ky_slice text, uint32_t group, struct ky_slice *out)
{
    const PCRE2_SIZE *offsets = pcre2_get_ovector_pointer(regex->match);
    if (group > regex->group_count || offsets[2 * group] == PCRE2_UNSET ||
        offsets[2 * group] > offsets[2 * group + 1]) {
        return false;
    }
    *out = slice_part(text, offsets[2 * group], offsets[2 * group + 1]);
    return true;
}

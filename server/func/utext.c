/* SPDX-License-Identifier: Apache-2.0 */
#include "server/func/utext.h"

#include <pthread.h>

/* Case mapping comes from the C library's C.UTF-8 locale: the full simple mapping of Unicode, no
 * further dependency. Without that locale only ASCII maps. */

static locale_t unicode_locale;
static pthread_once_t unicode_once = PTHREAD_ONCE_INIT;

static void
unicode_open(void)
{
    unicode_locale = newlocale(LC_CTYPE_MASK, "C.UTF-8", (locale_t)0);
}

static locale_t
unicode(void)
{
    pthread_once(&unicode_once, unicode_open);
    return unicode_locale;
}

uint32_t
utext_next(const uint8_t **place, const uint8_t *end)
{
    const uint8_t *p = *place;
    size_t size = utext_size(p[0]);
    if (size > (size_t)(end - p)) {
        size = (size_t)(end - p);
    }
    *place = p + size;
    switch (size) {
    case 1:
        return p[0];
    case 2:
        return (uint32_t)(p[0] & 0x1f) << 6 | (p[1] & 0x3f);
    case 3:
        return (uint32_t)(p[0] & 0x0f) << 12 | (uint32_t)(p[1] & 0x3f) << 6 | (p[2] & 0x3f);
    default:
        return (uint32_t)(p[0] & 0x07) << 18 | (uint32_t)(p[1] & 0x3f) << 12 |
               (uint32_t)(p[2] & 0x3f) << 6 | (p[3] & 0x3f);
    }
}

size_t
utext_put(uint8_t *out, uint32_t character)
{
    if (character < 0x80) {
        out[0] = (uint8_t)character;
        return 1;
    }
    if (character < 0x800) {
        out[0] = (uint8_t)(0xc0 | character >> 6);
        out[1] = (uint8_t)(0x80 | (character & 0x3f));
        return 2;
    }
    if (character < 0x10000) {
        out[0] = (uint8_t)(0xe0 | character >> 12);
        out[1] = (uint8_t)(0x80 | (character >> 6 & 0x3f));
        out[2] = (uint8_t)(0x80 | (character & 0x3f));
        return 3;
    }
    out[0] = (uint8_t)(0xf0 | character >> 18);
    out[1] = (uint8_t)(0x80 | (character >> 12 & 0x3f));
    out[2] = (uint8_t)(0x80 | (character >> 6 & 0x3f));
    out[3] = (uint8_t)(0x80 | (character & 0x3f));
    return 4;
}

size_t
utext_offset(struct ky_slice text, size_t character)
{
    const uint8_t *bytes = text.data;
    size_t offset = 0;
    while (character > 0 && offset < text.size) {
        offset += utext_size(bytes[offset]);
        character--;
    }
    return KY_MIN(offset, text.size);
}

uint32_t
utext_lower(uint32_t character)
{
    if (character < 0x80 || unicode() == (locale_t)0) {
        return character >= 'A' && character <= 'Z' ? character + 32 : character;
    }
    return (uint32_t)towlower_l((wint_t)character, unicode());
}

uint32_t
utext_upper(uint32_t character)
{
    if (character < 0x80 || unicode() == (locale_t)0) {
        return character >= 'a' && character <= 'z' ? character - 32 : character;
    }
    return (uint32_t)towupper_l((wint_t)character, unicode());
}

bool
utext_is_alnum(uint32_t character)
{
    if (character < 0x80 || unicode() == (locale_t)0) {
        return (character >= 'a' && character <= 'z') || (character >= 'A' && character <= 'Z') ||
               (character >= '0' && character <= '9');
    }
    return iswalnum_l((wint_t)character, unicode()) != 0;
}

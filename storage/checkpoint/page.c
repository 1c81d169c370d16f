/* SPDX-License-Identifier: Apache-2.0 */
#include "server/base/endian.h"
#include "storage/checkpoint/list.h"
#include "storage/mvcc/directory.h"

/*
 * A page of the row directory as bytes. Neighbouring rows were mostly written one after another,
 * so differences are small: three or four bytes a row instead of eighteen.
 */
enum { VARINT_SIZE_MAX = 10 };

static uint8_t *
put_varint(uint8_t *at, uint64_t value)
{
    while (value >= 0x80) {
        *at++ = (uint8_t)(value | 0x80);
        value >>= 7;
    }
    *at++ = (uint8_t)value;
    return at;
}

/* Both are multiples of 8. The difference wraps around, and does so again when it is undone. */
static uint8_t *
put_distance(uint8_t *at, lsn_t before, lsn_t now)
{
    uint64_t up = (now - before) >> 3;
    uint64_t down = (before - now) >> 3;
    return put_varint(at, up <= down ? up << 1 : down << 1 | 1);
}

void
checkpoint_page_encode(rel_id_t rel, uint64_t page, const struct checkpoint_versions *versions,
                       struct ky_buffer *out)
{
    uint8_t *start = ky_buffer_extend(out, CHECKPOINT_PAGE_SIZE_MAX);
    ky_store_le32(start, rel);
    ky_store_le32(start + 4, versions->count);
    ky_store_le64(start + 8, page);
    uint8_t *at = start + CHECKPOINT_PAGE_HEADER_SIZE;
    uint32_t next_slot = 0;
    lsn_t commit_lsn = 0;
    lsn_t location = 0;
    for (uint32_t i = 0; i < versions->count; i++) {
        at = put_varint(at, versions->slots[i] - next_slot);
        at = put_distance(at, commit_lsn, versions->commit_lsns[i]);
        at = put_distance(at, location, versions->locations[i]);
        next_slot = versions->slots[i] + 1U;
        commit_lsn = versions->commit_lsns[i];
        location = versions->locations[i];
    }
    while ((at - start) % 8 != 0) {
        *at++ = 0;
    }
    out->size -= CHECKPOINT_PAGE_SIZE_MAX - (size_t)(at - start);
}

struct reader {
    const uint8_t *at;
    const uint8_t *end;
    bool is_malformed;
};

static uint64_t
get_varint(struct reader *reader)
{
    if (KY_LIKELY(reader->at < reader->end && *reader->at < 0x80)) {
        return *reader->at++;
    }
    uint64_t value = 0;
    for (unsigned i = 0; i < VARINT_SIZE_MAX && reader->at < reader->end; i++) {
        uint8_t byte = *reader->at++;
        value |= (uint64_t)(byte & 0x7F) << (i * 7);
        if (byte < 0x80) {
            return value;
        }
    }
    reader->is_malformed = true;
    return 0;
}

static lsn_t
get_distance(struct reader *reader, lsn_t before)
{
    uint64_t value = get_varint(reader);
    return (value & 1) != 0 ? before - (value >> 1 << 3) : before + (value >> 1 << 3);
}

const char *
checkpoint_page_decode(struct ky_slice bytes, const struct checkpoint_page *entry, lsn_t lsn,
                       struct checkpoint_versions *versions_out)
{
    const uint8_t *start = bytes.data;
    if (bytes.size < CHECKPOINT_PAGE_HEADER_SIZE || ky_load_le32(start) != entry->rel ||
        ky_load_le32(start + 4) != entry->count || entry->count > PAGE_SLOTS ||
        ky_load_le64(start + 8) != entry->page) {
        return "a page of rows is not the one it should be";
    }
    struct reader reader = {start + CHECKPOINT_PAGE_HEADER_SIZE, start + bytes.size, false};
    uint64_t next_slot = 0;
    lsn_t commit_lsn = 0;
    lsn_t location = 0;
    for (uint32_t i = 0; i < entry->count; i++) {
        uint64_t slot = next_slot + get_varint(&reader);
        commit_lsn = get_distance(&reader, commit_lsn);
        location = get_distance(&reader, location);
        if (reader.is_malformed || slot >= PAGE_SLOTS || slot < next_slot ||
            (entry->page == 0 && slot == 0)) {
            return "a page of rows is malformed";
        }
        /* A place outside the log has its highest bit set, and is for its owner to check. */
        bool is_in_log = location >> 63 == 0;
        if (commit_lsn == 0 || commit_lsn >= lsn || location == 0 ||
            (is_in_log && location >= lsn)) {
            return "a row has an impossible position";
        }
        versions_out->slots[i] = (uint16_t)slot;
        versions_out->commit_lsns[i] = commit_lsn;
        versions_out->locations[i] = location;
        next_slot = slot + 1;
    }
    if (reader.end - reader.at >= 8) {
        return "a page of rows holds more than its rows";
    }
    versions_out->count = entry->count;
    return NULL;
}

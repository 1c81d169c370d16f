/* SPDX-License-Identifier: Apache-2.0 */

/* Finding entries of a run by whole keys: the code first, then what lies after it. */

#include "index/rmi/run.h"
#include "server/base/assert.h"

/* The part of a slot's key after its code. *suffix_size_out: of the key without the prefix. */
static struct ky_slice
slot_rest(const struct rmi_run *run, uint64_t slot, size_t *suffix_size_out)
{
    const struct rmi_shape *shape = &run->shape;
    if (shape->key_size != 0) {
        const size_t rest_size = rmi_rest_size(shape);
        *suffix_size_out = (size_t)shape->key_size - shape->prefix_size;
        return ky_slice(rest_size == 0 ? NULL : run->rests + slot * rest_size, rest_size);
    }
    uint16_t suffix_size = 0;
    const uint8_t *record = run->rests + run->rest_places[slot];
    memcpy(&suffix_size, record, sizeof(suffix_size));
    *suffix_size_out = suffix_size;
    const size_t rest_size = suffix_size > RMI_CODE_SIZE ? (size_t)suffix_size - RMI_CODE_SIZE : 0;
    return ky_slice(record + sizeof(suffix_size), rest_size);
}

/* A slot whose code is the suffix's: <0 when its key comes before the suffix. */
static int
compare_rest(const struct rmi_run *run, uint64_t slot, struct ky_slice suffix)
{
    size_t slot_suffix_size = 0;
    const struct ky_slice rest = slot_rest(run, slot, &slot_suffix_size);
    if (suffix.size > RMI_CODE_SIZE && rest.size > 0) {
        const struct ky_slice wanted =
            ky_slice((const uint8_t *)suffix.data + RMI_CODE_SIZE, suffix.size - RMI_CODE_SIZE);
        return ky_slice_compare(rest, wanted);
    }
    /* One of them is within its code, which the other begins with: the shorter comes first. */
    return (slot_suffix_size > suffix.size) - (slot_suffix_size < suffix.size);
}

static bool
is_before(const struct rmi_run *run, uint64_t slot, uint64_t code, struct ky_slice suffix,
          row_id_t row_id)
{
    const uint64_t word = rmi_slot_word(run, slot);
    if ((word & RMI_ROW_IS_PAD) != 0 || rmi_slot_code(run, slot) != code) {
        return false;
    }
    const int order = compare_rest(run, slot, suffix);
    return order != 0 ? order < 0 : (word & RMI_ROW_MASK) < row_id;
}

uint64_t
rmi_run_lower(const struct rmi_run *run, const struct target *target)
{
    const struct rmi_shape *shape = &run->shape;
    if (target->is_end) {
        return rmi_slot_end(run);
    }
    const size_t shared = KY_MIN(target->size, (size_t)shape->prefix_size);
    const int order = shared == 0 ? 0 : memcmp(target->key, shape->prefix, shared);
    if (order != 0 || target->size < shape->prefix_size) {
        return order <= 0 ? 0 : rmi_slot_end(run);
    }
    const struct ky_slice suffix =
        ky_slice(target->key == NULL ? NULL : target->key + shape->prefix_size,
                 target->size - shape->prefix_size);
    const uint64_t code = rmi_code_of((const uint8_t *)suffix.data, suffix.size);
    const uint64_t first = rmi_kernel()->seek(run, code);
    /* Entries with this code lie side by side: double the step, then halve it. */
    uint64_t low = first;
    uint64_t step = 1;
    while (low < rmi_slot_end(run) && is_before(run, low, code, suffix, target->row_id)) {
        low += step;
        step *= 2;
    }
    uint64_t high = KY_MIN(low, rmi_slot_end(run));
    low = low == first ? first : low - step / 2 + 1;
    while (low < high) {
        const uint64_t middle = (low + high) / 2;
        if (is_before(run, middle, code, suffix, target->row_id)) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

bool
rmi_slot_has_key(const struct rmi_run *run, uint64_t slot, struct ky_slice key)
{
    if (run->shape.is_exact) {
        return true;
    }
    const struct ky_slice suffix = ky_slice((const uint8_t *)key.data + run->shape.prefix_size,
                                            key.size - run->shape.prefix_size);
    return compare_rest(run, slot, suffix) == 0;
}

void
rmi_slot_append_key(const struct rmi_run *run, uint64_t slot, struct ky_buffer *buffer)
{
    size_t suffix_size = 0;
    const struct ky_slice rest = slot_rest(run, slot, &suffix_size);
    uint8_t code[RMI_CODE_SIZE];
    ky_store_be64(code, rmi_slot_code(run, slot));
    ky_buffer_append(buffer, run->shape.prefix, run->shape.prefix_size);
    ky_buffer_append(buffer, code, KY_MIN(suffix_size, (size_t)RMI_CODE_SIZE));
    if (rest.size > 0) {
        ky_buffer_append_slice(buffer, rest);
    }
}

uint64_t
rmi_run_find(const struct rmi_run *run, struct ky_slice key, row_id_t row_id)
{
    if (!rmi_shape_fits(&run->shape, key)) {
        return UINT64_MAX;
    }
    const struct target target = {(const uint8_t *)key.data, key.size, row_id, false};
    const uint64_t slot = rmi_run_lower(run, &target);
    if (slot == rmi_slot_end(run)) {
        return UINT64_MAX;
    }
    const uint64_t word = rmi_slot_word(run, slot);
    const bool is_found = (word & RMI_ROW_IS_PAD) == 0 && (word & RMI_ROW_MASK) == row_id &&
                          rmi_slot_code(run, slot) == rmi_shape_code(&run->shape, key) &&
                          rmi_slot_has_key(run, slot, key);
    return is_found ? slot : UINT64_MAX;
}

/* SPDX-License-Identifier: Apache-2.0 */

#include "bench/micro/absl_map.h"

#include <absl/container/btree_map.h>

using map_type = absl::btree_map<uint64_t, uint64_t>;

void *
absl_map_new(const uint64_t *keys, uint64_t count)
{
    auto *map = new map_type();
    for (uint64_t i = 0; i < count; i++) {
        map->emplace_hint(map->end(), keys[i], i + 1);
    }
    return map;
}

void
absl_map_free(void *map)
{
    delete static_cast<map_type *>(map);
}

uint64_t
absl_map_find(const void *map, uint64_t key)
{
    const auto *tree = static_cast<const map_type *>(map);
    auto found = tree->find(key);
    return found == tree->end() ? 0 : found->second;
}

void
absl_map_insert(void *map, uint64_t key, uint64_t value)
{
    static_cast<map_type *>(map)->emplace(key, value);
}

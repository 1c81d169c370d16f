/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdint.h>

/* absl::btree_map<uint64_t, uint64_t>, the peer that the B+tree is measured with. */
#ifdef __cplusplus
extern "C" {
#endif
void *absl_map_new(const uint64_t *keys, uint64_t count); /* ascending; values 1, 2, .. */
void absl_map_free(void *map);
uint64_t absl_map_find(const void *map, uint64_t key); /* 0: none */
void absl_map_insert(void *map, uint64_t key, uint64_t value);
#ifdef __cplusplus
}
#endif

/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "server/base/compiler.h"

/* CRC-32C (Castagnoli). Start with crc = 0; feed parts in order. SSE4.2 or ARMv8 when present. */
uint32_t ky_crc32c(uint32_t crc, const void *data, size_t size);

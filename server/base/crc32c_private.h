/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "server/base/compiler.h"

/* The portable way, for the test that compares it with the processor's. */
uint32_t ky_crc32c_portable(uint32_t crc, const void *data, size_t size);

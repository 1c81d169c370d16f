/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* Shared by the reader and the writer of base files. */
enum {
    BASE_MAGIC = 0x4642594B,       /* "KYBF" */
    BASE_BLOCK_MAGIC = 0x4242594B, /* "KYBB" */
    BASE_LAYOUT_ROWS = 0,
};

/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stddef.h>
#include <stdint.h>

/*
 * What happens when a mapped file cannot be read: it became shorter under us, or the disk failed.
 * The kernel says so by SIGBUS. There is no answer to give instead of the bytes, and nobody to hand
 * an error to, so the process says which file and where, and ends: fail-stop, as for the log.
 */

/* Logs file and offset and ends the process with this code. For the whole process, once. */
void map_guard_install(int code);

/* Called by the disk for each of its maps. */
void map_guard_add(const uint8_t *bytes, size_t size, const char *path);
void map_guard_remove(const uint8_t *bytes);

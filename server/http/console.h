/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stddef.h>

/* The console page, made by the build from console/index.html. */
extern const unsigned char console_html[];
extern const size_t console_html_size;

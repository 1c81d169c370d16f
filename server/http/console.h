/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stddef.h>

/* The console page and the page that searches by picture, made by the build from console/. */
extern const unsigned char console_html[];
extern const size_t console_html_size;
extern const unsigned char pictures_html[];
extern const size_t pictures_html_size;

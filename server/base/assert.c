/* SPDX-License-Identifier: Apache-2.0 */

#include "server/base/assert.h"

#include <stdlib.h>

#include "server/base/log.h"

void
ky_assert_failed(const char *condition, const char *file, int line)
{
    ky_log_write(KY_LOG_ERROR, "assert", "assertion failed file=%s line=%d condition=\"%s\"", file,
                 line, condition);
    abort();
}

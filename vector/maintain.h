/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "vector/collection_private.h"

/* For whoever holds the maintenance lock. */
KY_MUST_CHECK ky_status maintain_build(struct collection *collection,
                                       const struct vector_work *work, struct ky_error *err);
void maintain_seal(struct collection *collection);

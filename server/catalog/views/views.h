/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* Registers the system catalogs and views that need nothing but the catalog image. */
void catalog_views_register(void);
/* After everyone has registered theirs: the rest of PostgreSQL's, without rows. */
void catalog_views_register_rest(void);

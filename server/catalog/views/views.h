/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* Registers the system catalogs and views that need nothing but the catalog image. */
void catalog_views_register(void);

/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "server/catalog/catalog.h"

/* What func_env.self points to while a session runs a statement: catalog functions
 * (pg_get_indexdef, nextval, current_schema ...) find their world here. */
struct catalog_env {
    const struct cat_image *image;
    const struct cat_path *path;
    struct catalog *catalog;
    struct storage *storage;
    struct txn *txn;
    const char *user;
    const char *session_user;
    const char *database;
    void *session;             /* struct session */
    const _Atomic int *cancel; /* long functions look at it */
};

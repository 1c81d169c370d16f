/* SPDX-License-Identifier: Apache-2.0 */
#include "server/base/assert.h"
#include "server/session/session_private.h"

/*
 * A session's portals by name. Most clients only ever use the unnamed one, for every statement
 * anew, so it has a place of its own beside the map.
 */

struct portal *
session_find_portal(const struct session *session, const char *name)
{
    return name[0] == '\0' ? session->unnamed
                           : ky_smap_find(&session->portals, ky_slice_cstr(name));
}

void
session_add_portal(struct session *session, struct portal *portal)
{
    if (portal->name[0] == '\0') {
        KY_ASSERT(session->unnamed == NULL);
        session->unnamed = portal;
    } else {
        const struct portal *replaced =
            ky_smap_put(&session->portals, ky_slice_cstr(portal->name), portal);
        KY_ASSERT(replaced == NULL);
    }
}

void
session_remove_portal(struct session *session, struct portal *portal)
{
    if (session->unnamed == portal) {
        session->unnamed = NULL;
    } else {
        (void)ky_smap_remove(&session->portals, ky_slice_cstr(portal->name));
    }
    portal_free(session, portal);
}

struct portal *
session_next_portal(const struct session *session, size_t *place)
{
    struct ky_slice name;
    void *portal = NULL;
    if (*place == 0) {
        *place = 1;
        if (session->unnamed != NULL) {
            return session->unnamed;
        }
    }
    if (session->portals.count == 0) {
        return NULL;
    }
    size_t slot = *place - 1;
    const bool has_more = ky_smap_next(&session->portals, &slot, &name, &portal);
    *place = slot + 1;
    return has_more ? portal : NULL;
}

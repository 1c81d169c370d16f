/* SPDX-License-Identifier: Apache-2.0 */
#include "server/base/assert.h"
#include "server/session/session_private.h"

/*
 * A session's portals by name. Most clients only ever use the unnamed one, for every statement
 * anew, so it has a place of its own beside the map.
 *
 * The unnamed portal of a prepared statement that came to its end is kept for the next Bind, if its
 * operators can run again: making them is a quarter of the work of a short statement. Its arena is
 * not emptied between runs, so it is kept only as long as it fits into its first block.
 */

enum { SPARES_MAX = 16, SPARE_SIZE_MAX = 8 * 1024 };

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

/* ------------------------------------------------------------------ spares */

struct portal *
session_new_portal(struct session *session, struct prepared *prepared, const char *name)
{
    struct plan_source *source = &prepared->source;
    struct portal *portal = name[0] == '\0' ? source->spare : NULL;
    if (portal != NULL) {
        source->spare = NULL;
        session->spare_count--;
        portal->created_us = session->clock_us;
    } else {
        portal = portal_new(name, session->clock_us);
    }
    portal->prepared = prepared;
    portal->source = source;
    prepared->reference_count++;
    return portal;
}

bool
portal_keep(struct session *session, struct portal *portal)
{
    struct plan_source *source = portal->source;
    if (portal->resting == NULL || portal->prepared == NULL || portal->name[0] != '\0' ||
        source->spare != NULL || exec_plan(portal->resting) != source->plan ||
        portal->arena.allocated_size > SPARE_SIZE_MAX || session->spare_count == SPARES_MAX) {
        return false;
    }
    const struct portal old = *portal;
    *portal = (struct portal){.arena = old.arena, .name = old.name, .resting = old.resting};
    source->spare = portal;
    source->session = session;
    session->spare_count++;
    return true;
}

void
portal_forget_spare(struct plan_source *source)
{
    struct portal *portal = source->spare;
    if (portal != NULL) {
        struct ky_arena arena = portal->arena;
        source->spare = NULL;
        source->session->spare_count--;
        ky_arena_deinit(&arena);
    }
}

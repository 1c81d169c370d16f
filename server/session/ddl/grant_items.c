/* SPDX-License-Identifier: Apache-2.0 */
#include "server/session/ddl/ddl_grant.h"

/*
 * Lists of grants, changed. A right with its grant option hangs on whoever granted it: when that
 * one loses the option, all that was granted by it goes too (CASCADE), or nothing does.
 */

void
grant_items_copy(struct grant_items *out, const struct acl_item *items, size_t count,
                 struct ky_arena *arena)
{
    *out = (struct grant_items){.capacity = count + 8, .arena = arena};
    out->items = ky_arena_array(arena, struct acl_item, out->capacity);
    out->count = (uint16_t)count;
    if (count > 0) {
        memcpy(out->items, items, count * sizeof(*items));
    }
}

static struct acl_item *
find_item(const struct grant_items *items, oid_t grantee, oid_t grantor)
{
    for (uint16_t i = 0; i < items->count; i++) {
        if (items->items[i].grantee == grantee && items->items[i].grantor == grantor) {
            return &items->items[i];
        }
    }
    return NULL;
}

static void
remove_item(struct grant_items *items, const struct acl_item *item)
{
    const size_t at = (size_t)(item - items->items);
    items->count--;
    memmove(items->items + at, items->items + at + 1, (items->count - at) * sizeof(*item));
}

static acl_rights
options_of(const struct grant_items *items, oid_t role)
{
    const struct acl_list list = {.items = items->items, .count = items->count};
    return acl_own_options(role, &list);
}

static ky_status
add_item(struct grant_items *items, const struct acl_item *item, struct ky_error *err)
{
    if (items->count == UINT16_MAX) {
        return ky_error_set(err, KY_PROGRAM_LIMIT_EXCEEDED, "too many grants on one object");
    }
    if (items->count == items->capacity) {
        struct acl_item *more = ky_arena_array(items->arena, struct acl_item, items->capacity * 2);
        memcpy(more, items->items, items->count * sizeof(*more));
        items->items = more;
        items->capacity *= 2;
    }
    items->items[items->count++] = *item;
    return KY_OK;
}

static ky_status take_back(struct grant_items *items, oid_t grantee, oid_t grantor,
                           acl_rights rights, acl_rights options, oid_t owner, bool is_cascade,
                           struct ky_error *err);

/* The role has lost grant options: what it granted with them. */
static ky_status
take_back_granted(struct grant_items *items, oid_t role, acl_rights lost, oid_t owner,
                  bool is_cascade, struct ky_error *err)
{
    if (role == owner) {
        return KY_OK; /* it never loses them */
    }
    lost &= (acl_rights)~options_of(items, role);
    for (uint16_t i = 0; lost != 0 && i < items->count;) {
        const struct acl_item *item = &items->items[i];
        if (item->grantor != role || (item->rights & lost) == 0) {
            i++;
            continue;
        }
        if (!is_cascade) {
            (void)ky_error_set(err, KY_DEPENDENT_OBJECTS_STILL_EXIST, "dependent privileges exist");
            return ky_error_hint(err, "Use CASCADE to revoke them too.");
        }
        KY_TRY(take_back(items, item->grantee, role, lost, lost, owner, true, err));
        i = 0; /* others may have gone */
    }
    return KY_OK;
}

static ky_status
take_back(struct grant_items *items, oid_t grantee, oid_t grantor, acl_rights rights,
          acl_rights options, oid_t owner, bool is_cascade, struct ky_error *err)
{
    struct acl_item *item = find_item(items, grantee, grantor);
    if (item == NULL) {
        return KY_OK;
    }
    const acl_rights lost = item->options & options;
    item->rights &= (acl_rights)~rights;
    item->options &= (acl_rights)~options;
    if (item->rights == 0 && item->options == 0) {
        remove_item(items, item);
    }
    return lost == 0 ? KY_OK : take_back_granted(items, grantee, lost, owner, is_cascade, err);
}

/* A grant option must not come from the one who gets it. */
static ky_status
check_circle(const struct grant_items *items, const struct grant_change *change, oid_t grantee,
             oid_t owner, struct ky_error *err)
{
    struct grant_items without;
    if (change->grantor == owner) {
        return KY_OK;
    }
    grant_items_copy(&without, items->items, items->count, items->arena);
    for (uint16_t i = 0; i < without.count;) {
        const struct acl_item item = without.items[i];
        if (item.grantee == grantee && item.options != 0) {
            KY_TRY(take_back(&without, grantee, item.grantor, item.options, item.options, owner,
                             true, err));
            i = 0;
        } else {
            i++;
        }
    }
    return (change->rights & ~options_of(&without, change->grantor)) == 0
               ? KY_OK
               : ky_error_set(err, KY_INVALID_GRANT_OPERATION,
                              "grant options cannot be granted back to your own grantor");
}

static ky_status
give(struct grant_items *items, const struct grant_change *change, oid_t grantee, oid_t owner,
     struct ky_error *err)
{
    struct acl_item *item = find_item(items, grantee, change->grantor);
    const acl_rights options = change->is_option ? change->rights : 0;
    if (options != 0) {
        KY_TRY(check_circle(items, change, grantee, owner, err));
    }
    if (item == NULL) {
        const struct acl_item made = {.grantee = grantee,
                                      .grantor = change->grantor,
                                      .rights = change->rights,
                                      .options = options};
        return add_item(items, &made, err);
    }
    item->rights |= change->rights;
    item->options |= options;
    return KY_OK;
}

ky_status
grant_items_change(struct grant_items *items, const struct grant_change *change, oid_t owner,
                   struct ky_error *err)
{
    for (uint16_t i = 0; i < change->grantee_count; i++) {
        const oid_t grantee = change->grantees[i];
        KY_TRY(change->is_grant ? give(items, change, grantee, owner, err)
                                : take_back(items, grantee, change->grantor,
                                            change->is_option ? 0 : change->rights, change->rights,
                                            owner, change->is_cascade, err));
    }
    return KY_OK;
}

ky_status
grant_items_remove(struct grant_items *items, oid_t grantee, struct ky_error *err)
{
    for (uint16_t i = 0; i < items->count;) {
        const struct acl_item item = items->items[i];
        if (item.grantee == grantee) {
            KY_TRY(take_back(items, grantee, item.grantor, item.rights, item.options, OID_NONE,
                             true, err));
            i = 0; /* others may have gone */
        } else {
            i++;
        }
    }
    return KY_OK;
}

void
grant_items_replace(struct grant_items *items, oid_t old, oid_t new)
{
    for (uint16_t i = 0; i < items->count; i++) {
        struct acl_item *item = &items->items[i];
        item->grantee = item->grantee == old ? new : item->grantee;
        item->grantor = item->grantor == old ? new : item->grantor;
    }
    for (uint16_t i = 0; i < items->count; i++) { /* two may be the same now */
        for (uint16_t k = (uint16_t)(i + 1); k < items->count;) {
            struct acl_item *item = &items->items[i];
            const struct acl_item *other = &items->items[k];
            if (item->grantee == other->grantee && item->grantor == other->grantor) {
                item->rights |= other->rights;
                item->options |= other->options;
                remove_item(items, other);
            } else {
                k++;
            }
        }
    }
}

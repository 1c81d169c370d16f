/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>

#include "server/base/compiler.h"

/* Intrusive circular doubly linked list. A head is a struct ky_list of its own. */
struct ky_list {
    struct ky_list *next;
    struct ky_list *prev;
};

static inline void
ky_list_init(struct ky_list *list)
{
    list->next = list->prev = list;
}

static inline bool
ky_list_is_empty(const struct ky_list *list)
{
    return list->next == list;
}

static inline void
ky_list_push_back(struct ky_list *list, struct ky_list *item)
{
    item->prev = list->prev;
    item->next = list;
    list->prev->next = item;
    list->prev = item;
}

static inline void
ky_list_push_front(struct ky_list *list, struct ky_list *item)
{
    ky_list_push_back(list->next, item);
}

/* The item is left empty, so that removing it twice does nothing. */
static inline void
ky_list_remove(struct ky_list *item)
{
    item->prev->next = item->next;
    item->next->prev = item->prev;
    ky_list_init(item);
}

#define ky_list_entry(item, type, member) KY_CONTAINER_OF(item, type, member)
/* The body must not remove item; use a while loop over the front to drain a list. */
#define ky_list_foreach(item, list) \
    for (struct ky_list *item = (list)->next; item != (list); item = item->next)

/* SPDX-License-Identifier: Apache-2.0 */

#include "server/base/list.h"

#include <criterion/criterion.h>

struct item {
    int number;
    struct ky_list link;
};

Test(list, keeps_order_and_forgets_what_is_removed)
{
    struct ky_list list;
    struct item items[3] = {{1, {0}}, {2, {0}}, {3, {0}}};
    ky_list_init(&list);
    cr_assert(ky_list_is_empty(&list));
    ky_list_push_back(&list, &items[1].link);
    ky_list_push_back(&list, &items[2].link);
    ky_list_push_front(&list, &items[0].link);
    int expected = 1;
    ky_list_foreach (place, &list) {
        cr_assert_eq(ky_list_entry(place, struct item, link)->number, expected++);
    }
    cr_assert_eq(expected, 4);
    ky_list_remove(&items[1].link);
    ky_list_remove(&items[1].link);
    cr_assert_eq(list.next->next, &items[2].link);
}

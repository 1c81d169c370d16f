/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>

#include "server/base/arena.h"
#include "server/base/log.h"
#include "storage/storage_private.h"

/* Removing files of ckpt/ that the checkpoint in force does not name. */

struct stray_list {
    const struct checkpoint_list *list;
    char **names; /* owned */
    size_t count;
};

static bool
names_serial(const struct checkpoint_list *list, const char *kind, uint64_t serial)
{
    if (strcmp(kind, "list") == 0) {
        return serial == list->serial;
    }
    if (strcmp(kind, "rows") == 0) {
        for (uint64_t i = 0; i < list->page_count; i++) {
            if (list->pages[i].file == serial) {
                return true;
            }
        }
        return false;
    }
    for (uint64_t i = 0; i < list->part_count; i++) {
        if (list->parts[i].file == serial) {
            return true;
        }
    }
    return false;
}

static bool
is_named(const struct checkpoint_list *list, const char *name)
{
    static const char *const kinds[] = {"list", "rows", "part"};
    char wanted[CHECKPOINT_NAME_SIZE];
    uint64_t serial = strtoull(name, NULL, 16);
    for (size_t i = 0; list != NULL && i < KY_COUNT_OF(kinds); i++) {
        checkpoint_file_name(wanted, serial, kinds[i]);
        if (strcmp(wanted + strlen(CHECKPOINT_DIR "/"), name) == 0) {
            return names_serial(list, kinds[i], serial);
        }
    }
    return false;
}

static void
note_stray(void *arg, const char *name)
{
    struct stray_list *strays = arg;
    if (!is_named(strays->list, name)) {
        strays->names = ky_realloc(strays->names, (strays->count + 1) * sizeof(char *));
        strays->names[strays->count++] = ky_strdup(name);
    }
}

/* What cannot be removed now is tried again with the next checkpoint. */
void
checkpoint_remove_others(struct io *io, const char *dir, const struct checkpoint_list *list)
{
    struct ky_error err;
    ky_error_init(&err);
    struct stray_list strays = {.list = list};
    char *folder = io_path(dir, CHECKPOINT_DIR);
    ky_status status = io_list(io, folder, note_stray, &strays, &err);
    if (status != KY_OK && err.sqlstate == KY_UNDEFINED_FILE) {
        status = KY_OK;
    }
    for (size_t i = 0; i < strays.count; i++) {
        char *path = io_path(folder, strays.names[i]);
        if (io_unlink(io, path, &err) != KY_OK) {
            status = KY_ERR;
        }
        free(path);
        ky_free(strays.names[i]);
    }
    if (status != KY_OK) {
        ky_log(WARN, "checkpoint", "old checkpoint not removed error=\"%s\"", err.message);
    }
    ky_free(strays.names);
    free(folder);
}

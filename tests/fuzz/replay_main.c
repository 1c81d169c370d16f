/* SPDX-License-Identifier: Apache-2.0 */

/* Feeds a fuzz target every file of the folders and files named as arguments. */

#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int file_count;

static void
die(const char *path)
{
    perror(path);
    exit(EXIT_FAILURE);
}

static void
replay_file(const char *path, size_t size)
{
    FILE *file = fopen(path, "rb");
    if (file == NULL) {
        die(path);
    }
    /* Exactly as large as the input, so that reading past its end is seen. */
    uint8_t *data = (uint8_t *)malloc(size > 0 ? size : 1);
    if (data == NULL || fread(data, 1, size, file) != size) {
        die(path);
    }
    (void)fclose(file);
    (void)printf("%s\n", path);
    (void)fflush(stdout);
    (void)LLVMFuzzerTestOneInput(data, size);
    free(data);
    file_count++;
}

static void
replay(const char *path)
{
    struct stat status;
    if (stat(path, &status) != 0) {
        die(path);
    }
    if (!S_ISDIR(status.st_mode)) {
        replay_file(path, (size_t)status.st_size);
        return;
    }
    struct dirent **entries = NULL;
    int count = scandir(path, &entries, NULL, alphasort);
    if (count < 0) {
        die(path);
    }
    for (int i = 0; i < count; i++) {
        char name[4096];
        int size = snprintf(name, sizeof(name), "%s/%s", path, entries[i]->d_name);
        if (entries[i]->d_name[0] != '.' && size > 0 && (size_t)size < sizeof(name)) {
            replay(name);
        }
        free(entries[i]);
    }
    free(entries);
}

int
main(int argc, char **argv)
{
    for (int i = 1; i < argc; i++) {
        replay(argv[i]);
    }
    (void)printf("%d inputs\n", file_count);
    return file_count > 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

/* SPDX-License-Identifier: Apache-2.0 */
#include <criterion/criterion.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "server/base/log.h"
#include "server/base/random.h"
#include "storage/io/io.h"
#include "tests/support/log_fixture.h"

/* A process commits to the real disk and says so over a pipe, until it is killed at a random
 * moment. */
enum { ROUNDS = 12, COMMITS_MAX = 300 };

static void
commit_until_killed(const char *dir, uint32_t first, int out)
{
    static struct log_fixture fixture;
    struct ky_error err = {0};
    log_fixture_init(&fixture, io_disk());
    fixture.dir = dir;
    if (log_fixture_open(&fixture, &err) != KY_OK) {
        _exit(2);
    }
    for (uint32_t number = first;; number++) {
        bool is_told = log_fixture_commit(&fixture, number) &&
                       write(out, &number, sizeof(number)) == (ssize_t)sizeof(number);
        if (!is_told) {
            _exit(3);
        }
    }
}

/* Number of the last commit that the process told of. */
static uint32_t
run_and_kill(const char *dir, uint32_t first, uint32_t count)
{
    int ends[2];
    cr_assert_eq(pipe(ends), 0);
    pid_t pid = fork();
    cr_assert_geq(pid, 0);
    if (pid == 0) {
        commit_until_killed(dir, first, ends[1]);
    }
    close(ends[1]);
    uint32_t told = first - 1;
    uint32_t number = 0;
    while (read(ends[0], &number, sizeof(number)) == (ssize_t)sizeof(number)) {
        cr_assert_eq(number, told + 1);
        told = number;
        if (told - first + 1 == count) {
            kill(pid, SIGKILL);
        }
    }
    close(ends[0]);
    int status = 0;
    cr_assert_eq(waitpid(pid, &status, 0), pid);
    cr_assert(WIFSIGNALED(status), "exit status %d", WEXITSTATUS(status));
    return told;
}

static void
remove_entry(void *arg, const char *name)
{
    char *path = io_path(arg, name);
    (void)unlink(path);
    free(path);
}

Test(log_kill, what_was_answered_survives_a_kill_at_any_moment, .timeout = 120)
{
    char dir[] = "/tmp/kyro-log-kill-XXXXXX";
    static struct log_fixture fixture;
    struct ky_prng prng;
    struct ky_error err = {0};
    ky_log_set_level(KY_LOG_ERROR);
    cr_assert_not_null(mkdtemp(dir));
    ky_prng_init(&prng, 15);
    uint32_t next = 1;
    for (int round = 0; round < ROUNDS; round++) {
        uint32_t count = 1 + (uint32_t)ky_prng_below(&prng, COMMITS_MAX);
        uint32_t told = run_and_kill(dir, next, count);
        log_fixture_init(&fixture, io_disk());
        fixture.dir = dir;
        cr_assert_eq(log_fixture_open(&fixture, &err), KY_OK, "%s", err.message);
        cr_assert_str_empty(fixture.fault, "%s", fixture.fault);
        cr_assert_geq(fixture.seen_count, told);
        for (uint32_t i = 0; i < fixture.seen_count; i++) {
            cr_assert_eq(fixture.seen[i], i + 1);
        }
        next = fixture.seen_count + 1;
        log_fixture_close(&fixture);
        log_fixture_deinit(&fixture);
    }
    cr_expect_gt(next, 100);
    char *log_dir = io_path(dir, "log");
    cr_expect_eq(io_list(io_disk(), log_dir, remove_entry, log_dir, &err), KY_OK);
    rmdir(log_dir);
    free(log_dir);
    cr_expect_eq(io_list(io_disk(), dir, remove_entry, dir, &err), KY_OK);
    rmdir(dir);
}

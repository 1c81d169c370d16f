/* SPDX-License-Identifier: Apache-2.0 */

/* The compiler's run-time checks also look at what the operating system saves of the registers. */

#include "server/base/cpu.h"

#include <pthread.h>
#include <sched.h>
#include <unistd.h>

static struct ky_cpu cpu; /* immutable after find_cpu */
static pthread_once_t cpu_once = PTHREAD_ONCE_INIT;

/* The cores this process may use, which in a container are fewer than the machine has. */
static int
count_cores(void)
{
    cpu_set_t allowed;
    if (sched_getaffinity(0, sizeof(allowed), &allowed) == 0 && CPU_COUNT(&allowed) > 0) {
        return CPU_COUNT(&allowed);
    }
    long online = sysconf(_SC_NPROCESSORS_ONLN);
    return online > 0 ? (int)online : 1;
}

static void
find_cpu(void)
{
#if defined(__x86_64__)
    __builtin_cpu_init();
    cpu.has_sse42 = __builtin_cpu_supports("sse4.2") != 0;
    cpu.has_avx2 = __builtin_cpu_supports("avx2") != 0 && __builtin_cpu_supports("fma") != 0;
    cpu.has_avx512 =
        __builtin_cpu_supports("avx512f") != 0 && __builtin_cpu_supports("avx512bw") != 0 &&
        __builtin_cpu_supports("avx512dq") != 0 && __builtin_cpu_supports("avx512vl") != 0;
    cpu.has_avx512_vnni = cpu.has_avx512 && __builtin_cpu_supports("avx512vnni") != 0;
#elif defined(__aarch64__)
    cpu.has_neon = true; /* part of the base architecture */
#endif
    cpu.core_count = count_cores();
}

const struct ky_cpu *
ky_cpu(void)
{
    (void)pthread_once(&cpu_once, find_cpu);
    return &cpu;
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "server/base/metric.h"
#include "server/pgwire/conn/conn_private.h"

/*
 * Which loop a connection lives on. Statements by key take a few microseconds of a loop: one loop
 * answers the more of them the less it sleeps, so connections begin on the main loops, and stay.
 * Where visits take HEAVY_NS (searches, ranges, aggregates) and several connections share one loop,
 * the core's time is the limit: the heavy ones go to a loop that has less to do, relief loops
 * included, which leave the cores to others as long as they have nobody. A connection that has
 * become light goes back to a main loop.
 */

KY_METRIC(moves_away, "kyrodb_connection_moves_total", "visits=\"heavy\"", KY_COUNTER,
          "Moves of connections between event loops, by what their visits had become.")
KY_METRIC(moves_back, "kyrodb_connection_moves_total", "visits=\"light\"", KY_COUNTER,
          "Moves of connections between event loops, by what their visits had become.")

enum {
    HEAVY_NS = 30 * 1000,
    LIGHT_NS = 15 * 1000,
    WINDOW_NS = 10 * 1000 * 1000,   /* a loop's load is measured over so much time */
    LOAD_VALID_NS = 5 * WINDOW_NS,  /* who was not visited since then has nothing to do */
    SETTLE_NS = 3 * WINDOW_NS,      /* between two moves from one loop, or of one connection */
    LOAD_ALL = 1000,                /* a loop that always visits */
    LOAD_BUSY = LOAD_ALL / 2,       /* below it nobody has to wait for long */
    LOAD_DIFFERENCE = LOAD_ALL / 4, /* less is not worth a move */
    MEAN_SHIFT = 3,                 /* the mean is of about 8 visits */
};

static void
note_busy(struct pgwire_loop *home, int64_t busy_ns, int64_t now_ns)
{
    home->busy_ns += busy_ns;
    const int64_t window_ns = now_ns - home->window_from_ns;
    if (window_ns < WINDOW_NS) {
        return;
    }
    /* Relaxed: others only compare. */
    atomic_store_explicit(&home->load, (int)(home->busy_ns * LOAD_ALL / window_ns),
                          memory_order_relaxed);
    atomic_store_explicit(&home->loaded_ns, now_ns, memory_order_relaxed);
    home->busy_ns = 0;
    home->window_from_ns = now_ns;
}

static int
load_of(const struct pgwire_loop *loop, int64_t now_ns)
{
    const int64_t loaded_ns = atomic_load_explicit(&loop->loaded_ns, memory_order_relaxed);
    return now_ns - loaded_ns > LOAD_VALID_NS
               ? 0
               : atomic_load_explicit(&loop->load, memory_order_relaxed);
}

/* Of the first `count` loops. */
static struct pgwire_loop *
least_loaded(struct pgwire *pgwire, int count, int64_t now_ns)
{
    struct pgwire_loop *least = &pgwire->loops[0];
    for (int i = 1; i < count; i++) {
        if (load_of(&pgwire->loops[i], now_ns) < load_of(least, now_ns)) {
            least = &pgwire->loops[i];
        }
    }
    return least;
}

struct pgwire_loop *
balance_choose(struct conn *conn, int64_t start_ns, int64_t end_ns)
{
    struct pgwire *pgwire = conn->pgwire;
    struct pgwire_loop *home = conn->home;
    if (pgwire->options.loop_count == 1) {
        return home;
    }
    note_busy(home, end_ns - start_ns, end_ns);
    conn->visit_mean_ns += (end_ns - start_ns - conn->visit_mean_ns) >> MEAN_SHIFT;
    const bool is_relief = home - pgwire->loops >= pgwire->options.main_loop_count;
    const bool is_light = is_relief && conn->visit_mean_ns < LIGHT_NS;
    if ((!is_light && conn->visit_mean_ns < HEAVY_NS) || end_ns - conn->moved_ns < SETTLE_NS) {
        return home;
    }
    struct pgwire_loop *other = home;
    if (is_light) {
        other = least_loaded(pgwire, pgwire->options.main_loop_count, end_ns);
        ky_metric_add(&moves_back, 1);
    } else if (end_ns - home->moved_ns >= SETTLE_NS && end_ns - home->changed_ns < WINDOW_NS &&
               load_of(home, end_ns) >= LOAD_BUSY) {
        /* Somebody else was visited lately, and waits when both want the loop. */
        other = least_loaded(pgwire, pgwire->options.loop_count, end_ns);
        if (load_of(other, end_ns) + LOAD_DIFFERENCE > load_of(home, end_ns)) {
            return home;
        }
        home->moved_ns = end_ns;
        ky_metric_add(&moves_away, 1);
    }
    conn->moved_ns = other == home ? conn->moved_ns : end_ns;
    return other;
}

/* SPDX-License-Identifier: Apache-2.0 */

/* hnswlib on the same sets, see bench_vector.c: bench_hnswlib SET [ROWS [THREADS
 * [EF_CONSTRUCTION]]]. */

#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <hnswlib/hnswlib.h>
#include <thread>
#include <vector>

#include "bench/micro/vector_set.h"

/* Queries a second of so many threads together, by the clock on the wall. */
static double
wall_rate(const hnswlib::HierarchicalNSW<float> &graph, const struct vector_set &set,
          unsigned threads)
{
    std::atomic<uint64_t> done{0};
    std::vector<std::thread> workers;
    double started = vector_set_wall_seconds();
    for (unsigned i = 0; i < threads; i++) {
        workers.emplace_back([&, i] {
            uint32_t query = i * set.queries / threads;
            for (; vector_set_wall_seconds() < started + 0.5; done++) {
                graph.searchKnn(set.query_values + (size_t)query * set.dimension, VECTOR_SET_K);
                query = (query + 1) % set.queries;
            }
        });
    }
    for (auto &worker : workers) {
        worker.join();
    }
    return (double)done / (vector_set_wall_seconds() - started);
}

int
main(int argc, char **argv)
{
    struct vector_set set;
    vector_set_make(&set, argc > 1 ? argv[1] : "image",
                    argc > 2 ? (uint32_t)strtoul(argv[2], nullptr, 10) : 0);
    unsigned threads = argc > 3 ? (unsigned)strtoul(argv[3], nullptr, 10) : 2;
    size_t ef_construction = argc > 4 ? strtoul(argv[4], nullptr, 10) : 64;
    hnswlib::L2Space space(set.dimension);
    hnswlib::HierarchicalNSW<float> graph(&space, set.rows, 16, ef_construction);
    double cpu = vector_set_cpu_seconds();
    double wall = vector_set_wall_seconds();
    std::atomic<uint32_t> next{1};
    graph.addPoint(set.values, 0);
    std::vector<std::thread> workers;
    for (unsigned i = 0; i < threads; i++) {
        workers.emplace_back([&] {
            for (uint32_t row = next++; row < set.rows; row = next++) {
                graph.addPoint(set.values + (size_t)row * set.dimension, row);
            }
        });
    }
    for (auto &worker : workers) {
        worker.join();
    }
    printf("hnswlib: %u x %u, build %.2f s (wall %.2f, %u threads)\n", set.rows, set.dimension,
           vector_set_cpu_seconds() - cpu, vector_set_wall_seconds() - wall, threads);
    for (uint32_t i = 0; i < vector_set_ef_count; i++) {
        double recall = 0;
        double seconds = 0;
        graph.setEf(vector_set_efs[i]);
        for (uint32_t query = 0; query < set.queries; query++) {
            double started = vector_set_cpu_seconds();
            auto found =
                graph.searchKnn(set.query_values + (size_t)query * set.dimension, VECTOR_SET_K);
            seconds += vector_set_cpu_seconds() - started;
            std::vector<uint64_t> rows;
            for (; !found.empty(); found.pop()) {
                rows.push_back(found.top().second);
            }
            recall += vector_set_recall(&set, query, rows.data(), (uint32_t)rows.size());
        }
        printf("ef %-19u recall %.4f  %8.0f q/s  %u threads %8.0f q/s (wall)\n", vector_set_efs[i],
               recall / set.queries, set.queries / seconds, threads,
               wall_rate(graph, set, threads));
    }
    vector_set_free(&set);
    return 0;
}

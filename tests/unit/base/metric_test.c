/* SPDX-License-Identifier: Apache-2.0 */

#include "server/base/metric.h"

#include <criterion/criterion.h>

KY_METRIC(errors_b, "kyrodb_test_errors_total", "class=\"b\"", KY_COUNTER, "Errors by class.")
KY_METRIC(latency, "kyrodb_test_latency_seconds", NULL, KY_HISTOGRAM, "Latency.")
KY_METRIC(connections, "kyrodb_test_connections", NULL, KY_GAUGE, "Open\nconnections.")
KY_METRIC(errors_a, "kyrodb_test_errors_total", "class=\"a\"", KY_COUNTER, "Errors by class.")

static void
collect(void *arg, struct ky_buffer *out)
{
    ky_metric_write_family(out, "kyrodb_test_collected", "gauge", "Collected.");
    ky_metric_write_sample(out, "kyrodb_test_collected", "x=\"1\"", *(double *)arg);
}

static const char *
print(struct ky_buffer *out)
{
    ky_buffer_clear(out);
    ky_metrics_write(out);
    ky_buffer_append_byte(out, 0);
    return (const char *)out->data;
}

Test(metric, families_are_sorted_and_introduced_once)
{
    struct ky_buffer out = {0};
    ky_metric_add(&errors_a, 2);
    ky_metric_add(&errors_b, 3);
    ky_metric_set(&connections, -4);
    const char *text = print(&out);
    cr_assert_not_null(strstr(text, "# HELP kyrodb_test_connections Open\\nconnections.\n"
                                    "# TYPE kyrodb_test_connections gauge\n"
                                    "kyrodb_test_connections -4\n"
                                    "# HELP kyrodb_test_errors_total Errors by class.\n"
                                    "# TYPE kyrodb_test_errors_total counter\n"
                                    "kyrodb_test_errors_total{class=\"b\"} 3\n"
                                    "kyrodb_test_errors_total{class=\"a\"} 2\n"
                                    "# HELP kyrodb_test_latency_seconds"),
                       "%s", text);
    ky_buffer_deinit(&out);
}

Test(metric, a_histogram_is_cumulative_and_in_seconds)
{
    struct ky_buffer out = {0};
    ky_metric_observe_ns(&latency, 10000);
    ky_metric_observe_ns(&latency, 10001);
    ky_metric_observe_ns(&latency, INT64_C(100000000000));
    ky_metric_observe_ns(&latency, -5);
    const char *text = print(&out);
    cr_assert_not_null(strstr(text, "_bucket{le=\"1e-05\"} 2\n"), "%s", text);
    cr_assert_not_null(strstr(text, "_bucket{le=\"2.5e-05\"} 3\n"), "%s", text);
    cr_assert_not_null(strstr(text, "_bucket{le=\"60.0\"} 3\n"), "%s", text);
    cr_assert_not_null(strstr(text, "_bucket{le=\"+Inf\"} 4\n"), "%s", text);
    cr_assert_not_null(strstr(text, "_seconds_sum 100.000020001\n"), "%s", text);
    cr_assert_not_null(strstr(text, "_seconds_count 4\n"), "%s", text);
    ky_buffer_deinit(&out);
}

Test(metric, collectors_print_until_removed)
{
    struct ky_buffer out = {0};
    double value = 0.1;
    ky_metric_add_collector(collect, &value);
    cr_assert_not_null(strstr(print(&out), "\nkyrodb_test_collected{x=\"1\"} 0.1\n"));
    ky_metric_remove_collector(collect, &value);
    cr_assert_null(strstr(print(&out), "collected"));
    ky_metric_remove_collector(collect, &value);
    ky_buffer_deinit(&out);
}

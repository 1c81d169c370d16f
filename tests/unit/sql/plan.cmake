# SPDX-License-Identifier: Apache-2.0
# Included by CMakeLists.txt.
kyro_unit_test(plan_test SOURCES plan_test.c sql_fixture.c LIBS kyro_sql)

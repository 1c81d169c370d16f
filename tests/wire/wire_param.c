/* SPDX-License-Identifier: Apache-2.0 */
#include <libpq-fe.h>
#include <string.h>

#include "tests/wire/wire.h"

/* Parameters in binary whose size is not that of their type. Recorded from PostgreSQL 15. */

enum { VALUE_SIZE_MAX = 32 };

static void
check_param(PGconn *conn, const char *type, int size, const char *code, const char *message)
{
    static const char zeros[VALUE_SIZE_MAX];
    char sql[64];
    const char *value = zeros;
    const int format = 1;
    (void)snprintf(sql, sizeof(sql), "SELECT $1::%s IS NULL", type);
    PGresult *result = PQexecParams(conn, sql, 1, NULL, &value, &size, &format, 0);
    const char *got = PQresultErrorField(result, PG_DIAG_SQLSTATE);
    const char *said = PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY);
    CHECK_TEXT(got == NULL ? "" : got, code);
    CHECK_TEXT(said == NULL ? "" : said, message);
    PQclear(result);
}

static void
sizes_are_checked(int port)
{
    static const struct {
        const char *type;
        int size;
    } fixed[] = {
        {"int2", 2},  {"int4", 4},      {"int8", 8},        {"float4", 4},  {"float8", 8},
        {"date", 4},  {"time", 8},      {"timestamp", 8},   {"timetz", 12}, {"oid", 4},
        {"uuid", 16}, {"interval", 16}, {"timestamptz", 8},
    };
    static const char more[] = "incorrect binary data format in bind parameter 1";
    char where[128];
    (void)snprintf(where, sizeof(where),
                   "host=127.0.0.1 port=%d user=postgres dbname=postgres sslmode=disable", port);
    PGconn *conn = PQconnectdb(where);
    CHECK(PQstatus(conn) == CONNECTION_OK);
    for (size_t i = 0; i < sizeof(fixed) / sizeof(fixed[0]); i++) {
        const int size = fixed[i].size;
        check_param(conn, fixed[i].type, size, "", "");
        check_param(conn, fixed[i].type, 0, "08P01", "insufficient data left in message");
        check_param(conn, fixed[i].type, size - 1, "08P01", "insufficient data left in message");
        check_param(conn, fixed[i].type, size + 1, "22P03", more);
    }
    check_param(conn, "bool", 0, "08P01", "no data left in message");
    check_param(conn, "bool", 2, "22P03", more);
    check_param(conn, "\"char\"", 0, "08P01", "no data left in message");
    check_param(conn, "\"char\"", 2, "22P03", more);
    check_param(conn, "numeric", 7, "08P01", "insufficient data left in message");
    PQfinish(conn);
}

int
main(int argc, char **argv)
{
    static const struct wire_case cases[] = {
        {"sizes_are_checked", sizes_are_checked, false},
    };
    return wire_main(argc, argv, cases, sizeof(cases) / sizeof(cases[0]), NULL);
}

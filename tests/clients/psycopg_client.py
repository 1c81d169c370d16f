# SPDX-License-Identifier: Apache-2.0
"""psycopg 3 against a started server: parameters of every type in both formats, transactions, errors,
COPY, pipelines, server-side cursors, notifications. The same script must pass on PostgreSQL 15.

Usage: psycopg_client.py PORT
"""
import datetime
import decimal
import sys
import uuid

import psycopg
from psycopg import sql
from psycopg.types.json import Json, Jsonb

UTC = datetime.timezone.utc
VALUES = [
    ("bool", True),
    ("int2", -7),
    ("int4", 2**31 - 1),
    ("int8", -(2**63)),
    ("float4", 0.5),
    ("float8", 3.141592653589793),
    ("numeric", decimal.Decimal("12345678901234567890.0123456789")),
    ("text", "Zürich 'quoted' \\ back"),
    ("varchar(20)", "varying"),
    ("char(4)", "abcd"),
    ("bytea", bytes(range(256))),
    ("date", datetime.date(2024, 2, 29)),
    ("timestamp", datetime.datetime(1999, 12, 31, 23, 59, 59, 123456)),
    ("timestamptz", datetime.datetime(2024, 5, 6, 7, 8, 9, 10, tzinfo=UTC)),
    ("uuid", uuid.UUID("a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11")),
    ("json", {"a": [1, None, "x"]}),
    ("jsonb", {"b": {"c": 1.5}}),
    ("int4[]", [1, None, 3]),
    ("text[]", ["a", 'b"c', "d,e"]),
]


def adapt(name, value):
    return Json(value) if name == "json" else Jsonb(value) if name == "jsonb" else value


def check(got, wanted, what):
    if got != wanted:
        raise SystemExit(f"{what}: got {got!r}, wanted {wanted!r}")


def types(conn):
    columns = ", ".join(f"c{i} {name}" for i, (name, _) in enumerate(VALUES))
    conn.execute("DROP TABLE IF EXISTS psycopg_types")
    conn.execute(f"CREATE TABLE psycopg_types (id int PRIMARY KEY, {columns})")
    for binary in (False, True):
        for i, (name, value) in enumerate(VALUES):
            mark = "%b" if binary else "%t"
            cursor = conn.cursor(binary=binary)
            cursor.execute(f"SELECT {mark}::{name}", [adapt(name, value)])
            check(cursor.fetchone()[0], value, f"{name}, binary={binary}")
            cursor.execute(f"SELECT {mark}::{name}", [None])
            check(cursor.fetchone()[0], None, f"null {name}, binary={binary}")
        marks = ", ".join(["%b" if binary else "%t"] * len(VALUES))
        conn.execute(f"INSERT INTO psycopg_types VALUES (%s, {marks})",
                     [int(binary)] + [adapt(name, value) for name, value in VALUES])
        row = conn.cursor(binary=binary).execute(
            "SELECT * FROM psycopg_types WHERE id = %s", [int(binary)]).fetchone()
        for (name, value), got in zip(VALUES, row[1:]):
            check(got, value, f"stored {name}, binary={binary}")


def vectors(conn):
    if "KyroDB" not in conn.execute("SELECT version()").fetchone()[0]:
        return
    got = conn.execute("SELECT %s::vector(3) <-> '[1,2,5]'", ["[1,2,3]"]).fetchone()[0]
    check(got, 2.0, "vector distance")


def transactions(conn):
    conn.execute("DROP TABLE IF EXISTS psycopg_t")
    conn.execute("CREATE TABLE psycopg_t (a int PRIMARY KEY, b text)")
    with conn.transaction():
        conn.execute("INSERT INTO psycopg_t VALUES (1, 'one')")
        try:
            with conn.transaction():  # a savepoint
                conn.execute("INSERT INTO psycopg_t VALUES (2, 'two')")
                conn.execute("INSERT INTO psycopg_t VALUES (1, 'again')")
        except psycopg.errors.UniqueViolation as error:
            check(error.sqlstate, "23505", "sqlstate")
            check(error.diag.constraint_name, "psycopg_t_pkey", "constraint")
            check(error.diag.table_name, "psycopg_t", "table")
        else:
            raise SystemExit("a duplicate key was taken")
    check(conn.execute("SELECT a, b FROM psycopg_t").fetchall(), [(1, "one")], "after the savepoint")
    try:
        with conn.transaction():
            conn.execute("DELETE FROM psycopg_t")
            conn.execute("SELECT 1 / %s", [0])
    except psycopg.errors.DivisionByZero:
        pass
    check(conn.execute("SELECT count(*) FROM psycopg_t").fetchone()[0], 1, "after the rollback")
    try:
        conn.execute("SELEC 1")
    except psycopg.errors.SyntaxError as error:
        check(error.diag.statement_position, "1", "position")


def copies(conn):
    conn.execute("TRUNCATE psycopg_t")
    with conn.cursor().copy("COPY psycopg_t FROM STDIN") as copy:
        for i in range(1000):
            copy.write_row((i, None if i % 10 == 0 else f"row {i}\t\\"))
    with conn.cursor().copy("COPY (SELECT a, b FROM psycopg_t ORDER BY a) TO STDOUT") as copy:
        rows = list(copy.rows())
    check(len(rows), 1000, "rows copied")
    check(rows[10], ("10", None), "a null")
    check(rows[11], ("11", "row 11\t\\"), "escapes")
    try:
        with conn.cursor().copy("COPY psycopg_t FROM STDIN") as copy:
            copy.write("x\ty\n")
    except psycopg.errors.InvalidTextRepresentation:
        pass
    else:
        raise SystemExit("bad COPY data were taken")
    check(conn.execute("SELECT count(*) FROM psycopg_t").fetchone()[0], 1000, "after a bad COPY")


def binary_copies(conn):
    conn.execute("CREATE TEMP TABLE psycopg_b (a int, b text, c timestamptz, d numeric, e float8[])")
    now = datetime.datetime(2024, 2, 29, 12, 30, tzinfo=datetime.timezone.utc)
    types = ["int4", "text", "timestamptz", "numeric", "float8[]"]
    rows = [(i, None if i % 7 == 0 else f"row {i}", now, decimal.Decimal(i) / 4, [i / 2, None])
            for i in range(3000)]
    with conn.cursor().copy("COPY psycopg_b FROM STDIN (FORMAT binary)") as copy:
        copy.set_types(types)
        for row in rows:
            copy.write_row(row)
    with conn.cursor().copy("COPY (SELECT * FROM psycopg_b ORDER BY a) TO STDOUT (FORMAT binary)") as copy:
        copy.set_types(types)
        check(list(copy.rows()), rows, "binary rows")


def prepared(conn):
    for i in range(20):  # the driver prepares after five
        got = conn.execute("SELECT b FROM psycopg_t WHERE a = %s", [i], prepare=i > 3).fetchone()
        check(got[0], None if i % 10 == 0 else f"row {i}\t\\", "prepared")


def pipelines(conn):
    with conn.pipeline() as pipeline:
        cursors = [conn.execute("SELECT %s::int", [i]) for i in range(50)]
        pipeline.sync()
        check([cursor.fetchone()[0] for cursor in cursors], list(range(50)), "pipeline")


def cursors(conn):
    with conn.transaction():
        with conn.cursor(name="named") as cursor:
            cursor.execute("SELECT n FROM generate_series(1, 1000) AS n")
            check(cursor.fetchmany(3), [(1,), (2,), (3,)], "first portion")
            check(len(cursor.fetchall()), 997, "the rest")


def notifications(conn):
    got = []
    conn.add_notify_handler(lambda notice: got.append((notice.channel, notice.payload)))
    conn.execute("LISTEN psycopg_channel")
    conn.execute("SELECT pg_notify('psycopg_channel', 'hello')")
    conn.execute("SELECT 1")
    check(got, [("psycopg_channel", "hello")], "notification")
    conn.execute("UNLISTEN *")


def main():
    conninfo = f"host=127.0.0.1 port={sys.argv[1]} user=postgres dbname=postgres"
    with psycopg.connect(conninfo, autocommit=True) as conn:
        for step in [types, vectors, transactions, copies, binary_copies, prepared, cursors, notifications,
                     pipelines]:
            step(conn)
            print("ok", step.__name__)
        conn.execute("DROP TABLE psycopg_t, psycopg_types")


main()

# SPDX-License-Identifier: Apache-2.0
"""pgvector-python with psycopg 3 and numpy against a started server: types found by name, parameters and results in text and
binary format, COPY, arrays, every distance, indexes, errors. The same script must pass on PostgreSQL 15 with pgvector.

Usage: pgvector_client.py PORT
"""
import sys

import numpy as np
import psycopg
from pgvector import Bit, HalfVector, SparseVector, Vector
from pgvector.psycopg import register_vector


def check(got, wanted, what):
    if got != wanted:
        raise SystemExit(f"{what}: got {got!r}, wanted {wanted!r}")


def listed(value):
    """Plain lists, whatever the release of pgvector gives for a vector."""
    if value is None or isinstance(value, (list, str)):
        return value
    return value.tolist() if isinstance(value, np.ndarray) else value.to_list()


def values(conn):
    for fmt in ("%b", "%t"):
        for binary in (False, True):
            cursor = conn.cursor(binary=binary)
            what = f"{fmt} {'binary' if binary else 'text'}"
            embedding = np.array([1.5, 2, 3])
            row = cursor.execute(f"SELECT {fmt}::vector, {fmt}::vector", (embedding, Vector([1, 2, 3]))).fetchone()
            check([listed(v) for v in row], [[1.5, 2, 3], [1, 2, 3]], f"vector {what}")
            row = cursor.execute(f"SELECT {fmt}::halfvec", (HalfVector([1.5, 2, 3]),)).fetchone()
            check(listed(row[0]), [1.5, 2, 3], f"halfvec {what}")
            row = cursor.execute(f"SELECT {fmt}::sparsevec", (SparseVector([1.5, 0, 3]),)).fetchone()
            check(listed(row[0]), [1.5, 0, 3], f"sparsevec {what}")
            row = cursor.execute(f"SELECT {fmt}::bit(9)", (Bit("101000001"),)).fetchone()
            wanted = b"\0\0\0\x09\xa0\x80" if isinstance(row[0], bytes) else "101000001"
            check(row[0].to_text() if hasattr(row[0], "to_text") else row[0], wanted, f"bit {what}")
    strided = np.arange(6, dtype=np.float32)[::2]
    check(conn.execute("SELECT %s::vector::text", (strided,)).fetchone()[0], "[0,2,4]", "non-contiguous array")
    row = conn.execute("SELECT %s::vector[]", ([Vector([1, 2]), Vector([3, 4])],)).fetchone()
    check([listed(v) for v in row[0]], [[1, 2], [3, 4]], "vector[]")


def copying(conn):
    rows = [(np.array([n, n + 0.5, -n], dtype=np.float32), SparseVector([n + 1, 0, 1])) for n in range(100)]
    with conn.cursor().copy("COPY items (embedding, sparse_embedding) FROM STDIN WITH (FORMAT BINARY)") as copy:
        copy.set_types(["vector", "sparsevec"])
        for row in rows:
            copy.write_row(row)
    with conn.cursor().copy("COPY items (embedding, sparse_embedding) FROM STDIN") as copy:
        for row in rows:
            copy.write_row(row)
    check(conn.execute("SELECT count(*), count(DISTINCT embedding) FROM items").fetchone(), (200, 100), "COPY FROM")
    for options, binary in (("", False), (" WITH (FORMAT BINARY)", True)):
        with conn.cursor().copy(f"COPY (SELECT embedding FROM items WHERE id = 3) TO STDOUT{options}") as copy:
            copy.set_types(["vector"])
            (row,) = copy.rows()
        check(listed(row[0]), [2, 2.5, -2], f"COPY TO{options}")


def nearest(conn):
    conn.execute("TRUNCATE items RESTART IDENTITY")
    for each in ([1, 1, 1], [2, 2, 2], [1, 1, 2], None):
        vector = None if each is None else Vector(each)
        half = None if each is None else HalfVector(each)
        conn.execute("INSERT INTO items (embedding, half_embedding) VALUES (%s, %s)", (vector, half))
    query = np.array([1, 1, 1])
    for column in ("embedding", "half_embedding"):
        for operator, wanted in (("<->", [1, 3, 2]), ("<#>", [2, 3, 1]), ("<+>", [1, 3, 2])):
            cast = "vector" if column == "embedding" else "halfvec"
            sql = f"SELECT id FROM items ORDER BY {column} {operator} %s::{cast} LIMIT 3"
            check([row[0] for row in conn.execute(sql, (Vector(query),))], wanted, sql)
    row = conn.execute("SELECT avg(embedding), sum(embedding) FROM items").fetchone()
    check(listed(row[0])[:2] + listed(row[1]), [np.float32(4 / 3)] * 2 + [4, 4, 5], "avg and sum")
    row = conn.execute("SELECT avg(embedding) FROM items WHERE id > 9").fetchone()
    check(row[0], None, "avg of nothing")


def errors(conn):
    for sql, params, state in (
        ("INSERT INTO items (embedding) VALUES (%s)", (Vector([1, 2]),), "22000"),
        ("SELECT id FROM items ORDER BY embedding <-> %s LIMIT 5", (Vector([1, 2]),), "22000"),
        ("SELECT '[1,x]'::vector", (), "22P02"),
    ):
        try:
            conn.execute(sql, params)
        except psycopg.Error as error:
            check(error.sqlstate, state, sql)
        else:
            raise SystemExit(f"no error: {sql}")


def main():
    conn = psycopg.connect(host="127.0.0.1", port=sys.argv[1], user="postgres", dbname="postgres", autocommit=True)
    conn.execute("CREATE EXTENSION IF NOT EXISTS vector")
    register_vector(conn)
    conn.execute("DROP TABLE IF EXISTS items")
    conn.execute("CREATE TABLE items (id bigserial PRIMARY KEY, embedding vector(3), half_embedding halfvec(3), sparse_embedding sparsevec(3))")
    values(conn)
    copying(conn)
    nearest(conn)
    errors(conn)
    conn.execute("CREATE INDEX ON items USING hnsw (embedding vector_l2_ops) WITH (m = 16, ef_construction = 64)")
    conn.execute("CREATE INDEX ON items USING ivfflat (half_embedding halfvec_ip_ops) WITH (lists = 1)")
    nearest(conn)
    conn.execute("DROP TABLE items")
    print("pgvector-python: all checks passed")


main()

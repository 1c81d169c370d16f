# SPDX-License-Identifier: Apache-2.0
"""asyncpg against a started server: everything it sends and reads is binary. Prints what came, for asyncpg_client.out.

Usage: asyncpg_client.py PORT
"""
import asyncio
import datetime
import decimal
import io
import sys
import uuid

import asyncpg

COLUMNS = (
    "i int PRIMARY KEY, b bigint, s smallint, t text, v varchar(10), n numeric(10,3), f float8, r real, bo bool, by bytea, d date, "
    "tm time, ts timestamp, tz timestamptz, iv interval, u uuid, j json, jb jsonb, ia int[], ta text[], ch char(4)"
)
UTC = datetime.timezone.utc
ROW = (
    1, 2**40, 7, "tëxt", "vc", decimal.Decimal("12.345"), 1.5, 2.5, True, b"\x00\xff", datetime.date(2024, 2, 29),
    datetime.time(1, 2, 3, 4), datetime.datetime(2024, 1, 2, 3, 4, 5, 6), datetime.datetime(2024, 1, 2, 3, 4, 5, 6, tzinfo=UTC),
    datetime.timedelta(days=3, seconds=4), uuid.UUID(int=5), '{"a": 1}', '{"b": [1,2]}', [1, None, 3], ["a", 'b"c', None], "ab",
)  # fmt: skip


async def step(name, coroutine):
    try:
        print(name, await coroutine)
    except Exception as error:  # an error is an answer too
        print(name, type(error).__name__, str(error).split("\n")[0])


async def values(conn):
    await conn.execute(f"DROP TABLE IF EXISTS asyncpg_t; CREATE TABLE asyncpg_t ({COLUMNS})")
    places = ", ".join(f"${i + 1}" for i in range(len(ROW)))
    await step("insert", conn.execute(f"INSERT INTO asyncpg_t VALUES ({places})", *ROW))
    await step("row", conn.fetchrow("SELECT * FROM asyncpg_t"))
    await step("any", conn.fetch("SELECT i FROM asyncpg_t WHERE i = any($1::int[]) AND t = any($2)", [1, 2], ["tëxt"]))
    await step("many", conn.executemany("INSERT INTO asyncpg_t (i, t) VALUES ($1, $2)", [(i, str(i)) for i in range(2, 50)]))
    await step("duplicate", conn.execute("INSERT INTO asyncpg_t (i) VALUES (1)"))
    await step("record", conn.fetchval("SELECT ROW(1, 'a'::text, NULL::int)"))
    await step("system", conn.fetchrow("SELECT 'asyncpg_t'::regclass, 'int4'::regtype, 'x'::\"char\", '{1,2}'::oid[], '12'::xid"))
    await step("wrong type", conn.fetchval("SELECT $1::int", "a"))
    await step("syntax", conn.fetchval("SELEC 1"))


async def copies(conn):
    rows = [(i, "x", None) for i in range(100, 110)]
    await step("copy records", conn.copy_records_to_table("asyncpg_t", records=rows, columns=["i", "t", "n"]))
    out = io.BytesIO()
    query = "SELECT i, t FROM asyncpg_t WHERE i >= $1 ORDER BY i"
    await step("copy query", conn.copy_from_query(query, 105, output=out, format="csv"))
    print(out.getvalue())
    await step("copy in", conn.copy_to_table("asyncpg_t", source=io.BytesIO(b"200\tabc\n"), columns=["i", "t"]))


async def cursor_rows(conn, query):
    count = 0
    async with conn.transaction(isolation="repeatable_read", readonly=True):
        async for _ in conn.cursor(query, prefetch=7):
            count += 1
    return count


async def nested(conn):
    async with conn.transaction():
        await conn.execute("INSERT INTO asyncpg_t (i) VALUES (1000)")
        try:
            async with conn.transaction():
                await conn.execute("INSERT INTO asyncpg_t (i) VALUES (1000)")
        except asyncpg.UniqueViolationError as error:
            found = error.constraint_name, error.table_name, error.schema_name, error.detail
        return found, await conn.fetchval("SELECT count(*) FROM asyncpg_t WHERE i = 1000")


async def prepared(conn, query, *args):
    statement = await conn.prepare(query)
    rows = await statement.fetch(*args)
    return (
        [p.name for p in statement.get_parameters()],
        [(a.name, a.type.name, a.type.kind) for a in statement.get_attributes()],
        len(rows) > 0,
    )


async def declared(conn):
    async with conn.transaction():
        await (await conn.prepare("DECLARE c CURSOR FOR SELECT i FROM asyncpg_t WHERE i > $1 ORDER BY i")).fetch(105)
        return [tuple(row) for row in await conn.fetch("FETCH 3 FROM c")]


async def statements(conn):
    await step("cursor", cursor_rows(conn, "SELECT i FROM asyncpg_t ORDER BY i"))
    await step("cursor of a set", cursor_rows(conn, "SELECT generate_series(1, 25), 'x'"))
    await step("nested", nested(conn))
    await step("prepared", prepared(conn, "SELECT i, t, n, ia FROM asyncpg_t WHERE i = $1", 1))
    await step("explain", prepared(conn, "EXPLAIN SELECT i FROM asyncpg_t WHERE i = $1 AND t LIKE $2", 1, "x%"))
    await step("declare", declared(conn))
    await step("create as", prepared(conn, "CREATE TEMP TABLE made AS SELECT i, $1::text AS x FROM asyncpg_t WHERE i < $2", "y", 5))
    await step("made", conn.fetch("SELECT count(*), min(x) FROM made"))
    await step("reset", conn.reset())
    await step("timeout", conn.fetch("SELECT pg_sleep(2)", timeout=0.2))
    await step("after it", conn.fetchval("SELECT 1"))


async def notices(conn):
    came = asyncio.Event()
    got = []

    def note(_conn, _pid, channel, payload):
        got.append((channel, payload))
        came.set()

    await conn.add_listener("channel", note)
    await conn.execute("NOTIFY channel, 'hello'")
    await asyncio.wait_for(came.wait(), 10)
    print("notified", got)


async def pooled(address):
    pool = await asyncpg.create_pool(**address, min_size=2, max_size=4)

    async def twice(i):
        async with pool.acquire() as conn:
            return await conn.fetchval("SELECT $1::int * 2", i)

    print("pool", sum(await asyncio.gather(*[twice(i) for i in range(100)])))
    await pool.close()


async def enums(conn):
    await conn.execute("DROP TABLE IF EXISTS asyncpg_e")
    await conn.execute("DROP TYPE IF EXISTS asyncpg_mood")
    await conn.execute("CREATE TYPE asyncpg_mood AS ENUM ('sad', 'ok', 'happy')")
    await conn.execute("CREATE TABLE asyncpg_e (i int, m asyncpg_mood, ms asyncpg_mood[])")
    await step("enum in", conn.execute("INSERT INTO asyncpg_e VALUES ($1, $2, $3)", 1, "ok", ["sad", None, "happy"]))
    await step("enum unknown", conn.execute("INSERT INTO asyncpg_e VALUES ($1, $2)", 2, "nope"))
    await step("enum copy", conn.copy_records_to_table("asyncpg_e", records=[(3, "sad", ["ok"])]))
    await step("enum out", conn.fetch("SELECT * FROM asyncpg_e ORDER BY m"))
    await step("enum by", conn.fetchval("SELECT i FROM asyncpg_e WHERE m = $1", "ok"))
    await step("enum any", conn.fetchval("SELECT count(*) FROM asyncpg_e WHERE m = ANY($1)", ["ok", "sad"]))
    await conn.execute("DROP TABLE asyncpg_e")
    await conn.execute("DROP TYPE asyncpg_mood")


async def main(port):
    address = {"host": "127.0.0.1", "port": port, "user": "postgres", "database": "postgres"}
    conn = await asyncpg.connect(**address)
    await values(conn)
    await copies(conn)
    await statements(conn)
    await notices(conn)
    await enums(conn)
    await conn.set_type_codec("jsonb", encoder=str, decoder=len, schema="pg_catalog")
    await step("codec", conn.fetchval("SELECT jb FROM asyncpg_t WHERE i = 1"))
    await conn.execute("DROP TABLE asyncpg_t")
    await conn.close()
    await pooled(address)


asyncio.run(main(int(sys.argv[1])))

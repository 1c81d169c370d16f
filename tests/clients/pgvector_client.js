// SPDX-License-Identifier: Apache-2.0
// pgvector-node with node-postgres against a started server: types found by name, values there and back, nearest
// neighbours by every distance, indexes, errors. The same script must pass on PostgreSQL 15 with pgvector.
//
// Usage: node pgvector_client.js PORT          (the modules pg and pgvector are found through NODE_PATH)
'use strict';
const assert = require('assert');
const { Client, Pool } = require('pg');
const pgvector = require('pgvector/pg');
const { SparseVector } = require('pgvector');

const config = { host: '127.0.0.1', port: Number(process.argv[2]), user: 'postgres', database: 'postgres' };

async function ids(client, sql, params) {
  return (await client.query(sql, params)).rows.map((row) => Number(row.id));
}

async function checkValues(client) {
  await client.query('CREATE TABLE items (id bigserial PRIMARY KEY, embedding vector(3), half_embedding halfvec(3), ' +
    'binary_embedding bit(3), sparse_embedding sparsevec(3))');
  const rows = [[[1, 1, 1], '000'], [[2, 2, 2], '101'], [[1, 1, 2], '111'], [null, null]];
  for (const [values, bits] of rows) {
    await client.query(
      'INSERT INTO items (embedding, half_embedding, binary_embedding, sparse_embedding) VALUES ($1, $2, $3, $4)',
      [pgvector.toSql(values), pgvector.toSql(values), bits, values && pgvector.toSql(new SparseVector(values))]);
  }
  const { rows: found } = await client.query('SELECT * FROM items ORDER BY id');
  assert.deepStrictEqual(found[1].embedding, [2, 2, 2]);
  assert.deepStrictEqual(found[1].half_embedding, [2, 2, 2]);
  assert.strictEqual(found[1].binary_embedding, '101');
  assert.deepStrictEqual(found[1].sparse_embedding.toArray(), [2, 2, 2]);
  assert.strictEqual(found[3].embedding, null);
  const several = await client.query('INSERT INTO items (embedding) VALUES ($1), ($2) RETURNING id',
    [pgvector.toSql([9, 9, 9]), pgvector.toSql([8, 8, 8])]);
  assert.strictEqual(several.rows.length, 2);
  await client.query('DELETE FROM items WHERE id > 4');
}

async function checkNearest(client) {
  const query = pgvector.toSql([1, 1, 1]);
  const sparse = pgvector.toSql(new SparseVector([1, 1, 1]));
  const searches = [
    ['embedding <-> $1', query, [1, 3, 2]], ['embedding <#> $1', query, [2, 3, 1]],
    ['embedding <=> $1', query, null], ['embedding <+> $1', query, [1, 3, 2]],
    ['half_embedding <-> $1', query, [1, 3, 2]], ['sparse_embedding <-> $1', sparse, [1, 3, 2]],
    ['binary_embedding <~> $1', '101', [2, 3, 1]], ['binary_embedding <%> $1', '101', [2, 3, 1]],
    ['l2_distance(embedding, $1)', query, [1, 3, 2]],
  ];
  for (const [order, param, wanted] of searches) {
    const got = await ids(client, `SELECT id FROM items WHERE embedding IS NOT NULL ORDER BY ${order} LIMIT 5`, [param]);
    if (wanted === null) assert.strictEqual(got[2], 3, order); // the first two are equally near
    else assert.deepStrictEqual(got, wanted, order);
  }
  assert.deepStrictEqual(await ids(client, 'SELECT id FROM items WHERE embedding <-> $1 < 1.5 ORDER BY id', [query]), [1, 3]);
  const { rows } = await client.query('SELECT avg(embedding), sum(half_embedding) FROM items WHERE id <= 2');
  assert.deepStrictEqual([rows[0].avg, rows[0].sum], [[1.5, 1.5, 1.5], [3, 3, 3]]);
}

async function checkIndexes(client) {
  await client.query('CREATE INDEX my_index ON items USING hnsw (embedding vector_l2_ops)');
  await client.query('CREATE INDEX ON items USING hnsw (half_embedding halfvec_cosine_ops) WITH (m = 8, ef_construction = 32)');
  await client.query('CREATE INDEX ON items USING hnsw ((binary_quantize(embedding)::bit(3)) bit_hamming_ops)');
  await client.query('CREATE INDEX ON items USING ivfflat (embedding vector_ip_ops) WITH (lists = 1)');
  await checkNearest(client);
  await client.query('BEGIN');
  await client.query('SET LOCAL hnsw.ef_search = 100');
  assert.deepStrictEqual(await ids(client, 'SELECT id FROM items ORDER BY embedding <-> $1 LIMIT 1', ['[2,2,2.5]']), [2]);
  await client.query('COMMIT');
  assert.strictEqual((await client.query('SHOW hnsw.ef_search')).rows[0]['hnsw.ef_search'], '40');
}

async function checkErrors(client) {
  const fails = async (sql, params, code, message) => {
    await assert.rejects(client.query(sql, params), (error) => {
      assert.strictEqual(error.code, code);
      assert.strictEqual(error.message, message);
      return true;
    });
  };
  await fails('INSERT INTO items (embedding) VALUES ($1)', ['[1,2]'], '22000', 'expected 3 dimensions, not 2');
  await fails('SELECT id FROM items ORDER BY embedding <-> $1 LIMIT 5', ['[1,2]'], '22000', 'different vector dimensions 3 and 2');
  await fails('INSERT INTO items (embedding) VALUES ($1)', ['[1,2'], '22P02', 'invalid input syntax for type vector: "[1,2"');
}

async function main() {
  const client = new Client(config);
  client.on('notice', () => {});
  await client.connect();
  await client.query('CREATE EXTENSION IF NOT EXISTS vector');
  await pgvector.registerTypes(client);
  await client.query('DROP TABLE IF EXISTS items');
  await checkValues(client);
  await checkNearest(client);
  await checkErrors(client);
  await checkIndexes(client);
  await client.end();
  const pool = new Pool(config);
  pool.on('connect', (each) => pgvector.registerTypes(each));
  const { rows } = await pool.query('SELECT embedding FROM items WHERE id = 1');
  assert.deepStrictEqual(rows[0].embedding, [1, 1, 1]);
  await pool.query('DROP TABLE items');
  await pool.end();
  console.log('pgvector-node: all checks passed');
}

main().catch((error) => {
  console.error(error);
  process.exit(1);
});

// SPDX-License-Identifier: Apache-2.0
// node-postgres against a started server: parameters of every type in both formats, a transaction, errors, COPY, and
// several statements under way. The same script must pass on PostgreSQL 15.
//
// Usage: node node_client.js PORT          (the module pg is found through NODE_PATH)
'use strict';
const assert = require('assert');
const { Client, types } = require('pg');

for (const oid of [20, 1700, 1082, 1114, 1184, 114, 3802]) types.setTypeParser(oid, (text) => text);

const values = [
  ['bool', true, true],
  ['int2', -7, -7],
  ['int4', 2147483647, 2147483647],
  ['int8', '-9223372036854775808', '-9223372036854775808'],
  ['float4', 0.5, 0.5],
  ['float8', 3.141592653589793, 3.141592653589793],
  ['numeric', '12345678901234567890.0123456789', '12345678901234567890.0123456789'],
  ['text', 'Zürich \'quoted\' \\ back', 'Zürich \'quoted\' \\ back'],
  ['varchar(20)', 'varying', 'varying'],
  ['char(4)', 'abcd', 'abcd'],
  ['bytea', Buffer.from([0, 1, 127, 128, 255]), Buffer.from([0, 1, 127, 128, 255])],
  ['date', '2024-02-29', '2024-02-29'],
  ['timestamp', '1999-12-31 23:59:59.123456', '1999-12-31 23:59:59.123456'],
  ['timestamptz', '2024-05-06 07:08:09.00001+00', '2024-05-06 07:08:09.00001+00'],
  ['uuid', 'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11', 'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11'],
  ['json', '{"a": [1, null, "x"]}', '{"a": [1, null, "x"]}'],
  ['jsonb', '{"b": {"c": 1.5}}', '{"b": {"c": 1.5}}'],
  ['int4[]', [1, null, 3], [1, null, 3]],
  ['text[]', ['a', 'b"c', 'd,e'], ['a', 'b"c', 'd,e']],
];

// Binary results: node-postgres reads them as text first, so only bytes below 128 survive it.
const binaryValues = [['bool', true], ['int2', 7], ['int4', 16909060], ['float4', 0.5], ['float8', 2.5], ['text', 'plain'],
  ['varchar(20)', 'varying'], ['char(4)', 'abcd']];

async function checkTypes(client) {
  await client.query('SET timezone = \'UTC\'');
  const checks = values.map((value) => [...value, false])
    .concat(binaryValues.map(([name, value]) => [name, value, value, true]));
  for (const [name, value, wanted, binary] of checks) {
    const result = await client.query({ text: `SELECT $1::${name} AS v, $2::${name} AS n`, values: [value, null], binary });
    assert.deepStrictEqual(result.rows[0], { v: wanted, n: null }, `${name}, binary=${binary}`);
  }
  const columns = values.map(([name], i) => `c${i} ${name}`).join(', ');
  const marks = values.map((_, i) => `$${i + 1}`).join(', ');
  await client.query('DROP TABLE IF EXISTS node_types');
  await client.query(`CREATE TABLE node_types (${columns})`);
  await client.query(`INSERT INTO node_types VALUES (${marks})`, values.map(([, value]) => value));
  const stored = await client.query({ text: 'SELECT * FROM node_types', rowMode: 'array' });
  values.forEach(([name, , wanted], i) => assert.deepStrictEqual(stored.rows[0][i], wanted, `stored ${name}`));
  await client.query('DROP TABLE node_types');
}

async function checkTransactions(client) {
  await client.query('DROP TABLE IF EXISTS node_t');
  await client.query('CREATE TABLE node_t (a int PRIMARY KEY, b text)');
  await client.query('BEGIN');
  const inserted = await client.query('INSERT INTO node_t VALUES ($1, $2), ($3, $4) RETURNING a', [1, 'one', 2, 'two']);
  assert.deepStrictEqual(inserted.rows, [{ a: 1 }, { a: 2 }]);
  await assert.rejects(client.query('INSERT INTO node_t VALUES (1, $1)', ['again']), (error) => {
    assert.strictEqual(error.code, '23505');
    assert.strictEqual(error.constraint, 'node_t_pkey');
    assert.strictEqual(error.table, 'node_t');
    assert.match(error.detail, /Key \(a\)=\(1\) already exists/);
    return true;
  });
  await assert.rejects(client.query('SELECT 1'), { code: '25P02' });
  assert.strictEqual((await client.query('COMMIT')).command, 'ROLLBACK');
  assert.strictEqual((await client.query('SELECT count(*)::int AS n FROM node_t')).rows[0].n, 0);
  await assert.rejects(client.query('SELECT a FROM nowhere'), { code: '42P01', position: '15' });
}

async function checkPrepared(client) {
  for (let i = 0; i < 10; i++) {
    const result = await client.query({ name: 'insert one', text: 'INSERT INTO node_t VALUES ($1, $2)', values: [i, `row ${i}`] });
    assert.strictEqual(result.rowCount, 1);
  }
  const queries = [];
  for (let i = 0; i < 10; i++) {
    queries.push(client.query({ name: 'read one', text: 'SELECT b FROM node_t WHERE a = $1', values: [i] }));
  }
  (await Promise.all(queries)).forEach((result, i) => assert.strictEqual(result.rows[0].b, `row ${i}`));
}

// COPY needs no other module: the messages are node-postgres's own.
function copy(client, sql, lines) {
  return new Promise((resolve, reject) => {
    const out = [];
    client.query({
      submit(connection) { connection.query(sql); },
      handleCopyInResponse(connection) {
        for (const line of lines) connection.sendCopyFromChunk(Buffer.from(line + '\n'));
        connection.endCopyFrom();
      },
      handleCopyData(message) { out.push(message.chunk.toString()); },
      handleRowDescription() {},
      handleDataRow() {},
      handleCommandComplete(message) { this.tag = message.text; },
      handleReadyForQuery() { if (!this.failed) resolve({ tag: this.tag, lines: out }); },
      handleError(error) { this.failed = true; reject(error); },
    });
  });
}

async function checkCopy(client) {
  await client.query('TRUNCATE node_t');
  const done = await copy(client, 'COPY node_t FROM STDIN', ['1\tone', '2\t\\N', '3\tthree']);
  assert.strictEqual(done.tag, 'COPY 3');
  const out = await copy(client, 'COPY (SELECT * FROM node_t ORDER BY a) TO STDOUT', []);
  assert.strictEqual(out.lines.join(''), '1\tone\n2\t\\N\n3\tthree\n');
  await assert.rejects(copy(client, 'COPY node_t FROM STDIN', ['x\ty']), { code: '22P02' });
  assert.strictEqual((await client.query('SELECT count(*)::int AS n FROM node_t')).rows[0].n, 3);
}

async function checkNotifications(client) {
  const got = [];
  client.on('notification', (message) => got.push([message.channel, message.payload]));
  await client.query('LISTEN node_channel');
  await client.query('NOTIFY node_channel, \'hello\'');
  await client.query('SELECT 1');
  assert.deepStrictEqual(got, [['node_channel', 'hello']]);
}

async function checkEnums(client) {
  await client.query('DROP TABLE IF EXISTS node_e; DROP TYPE IF EXISTS node_mood');
  await client.query('CREATE TYPE node_mood AS ENUM (\'sad\', \'ok\')');
  await client.query('CREATE TABLE node_e (id int, m node_mood, ms node_mood[])');
  await client.query('INSERT INTO node_e VALUES ($1, $2, $3)', [1, 'ok', ['sad', 'ok']]);
  await assert.rejects(client.query('INSERT INTO node_e VALUES ($1, $2)', [2, 'nope']), { code: '22P02' });
  const byLabel = { name: 'by label', text: 'SELECT id, m, ms::text[] FROM node_e WHERE m IN ($1, $2)' };
  const found = [{ id: 1, m: 'ok', ms: ['sad', 'ok'] }];
  assert.deepStrictEqual((await client.query({ ...byLabel, values: ['ok', 'sad'] })).rows, found);
  await client.query('ALTER TYPE node_mood ADD VALUE \'new\'');
  assert.deepStrictEqual((await client.query({ ...byLabel, values: ['new', 'ok'] })).rows, found);
  await client.query('DROP TABLE node_e; DROP TYPE node_mood');
}

async function main() {
  const client = new Client({ host: '127.0.0.1', port: Number(process.argv[2]), user: 'postgres', database: 'postgres' });
  await client.connect();
  for (const step of [checkTypes, checkTransactions, checkPrepared, checkCopy, checkEnums, checkNotifications]) {
    await step(client);
    console.log('ok', step.name);
  }
  await client.query('DROP TABLE node_t');
  await client.end();
}

main().catch((error) => {
  console.error(error);
  process.exit(1);
});

// SPDX-License-Identifier: Apache-2.0

// pgx against a started server: a type found by name and spoken in binary, as pgvector-go does, COPY, a batch,
// transactions, errors, nearest neighbours. The same program must pass on PostgreSQL 15 with pgvector.
//
// Usage: pgx_client PORT
package main

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"os"
	"reflect"
	"strconv"
	"strings"

	"github.com/jackc/pgconn"
	"github.com/jackc/pgtype"
	"github.com/jackc/pgx/v4"
)

var ctx = context.Background()

func must(err error) {
	if err != nil {
		panic(err)
	}
}

func same(what string, got, wanted interface{}) {
	if !reflect.DeepEqual(got, wanted) {
		panic(fmt.Sprintf("%s: got %v, wanted %v", what, got, wanted))
	}
}

// vector is pgvector's type: in binary its dimensions, a zero, and the values.
type vector struct{ values []float32 }

func (v vector) EncodeBinary(_ *pgtype.ConnInfo, buf []byte) ([]byte, error) {
	if v.values == nil {
		return nil, nil
	}
	head := make([]byte, 4+4*len(v.values))
	binary.BigEndian.PutUint16(head, uint16(len(v.values)))
	for i, value := range v.values {
		binary.BigEndian.PutUint32(head[4+4*i:], math.Float32bits(value))
	}
	return append(buf, head...), nil
}

func (v *vector) DecodeBinary(_ *pgtype.ConnInfo, src []byte) error {
	v.values = nil
	if src == nil {
		return nil
	}
	count := int(binary.BigEndian.Uint16(src))
	if len(src) != 4+4*count {
		return fmt.Errorf("%d bytes for %d values", len(src), count)
	}
	for i := 0; i < count; i++ {
		v.values = append(v.values, math.Float32frombits(binary.BigEndian.Uint32(src[4+4*i:])))
	}
	return nil
}

func (v vector) EncodeText(_ *pgtype.ConnInfo, buf []byte) ([]byte, error) {
	if v.values == nil {
		return nil, nil
	}
	texts := make([]string, len(v.values))
	for i, value := range v.values {
		texts[i] = strconv.FormatFloat(float64(value), 'g', -1, 32)
	}
	return append(buf, "["+strings.Join(texts, ",")+"]"...), nil
}

func (v *vector) Set(src interface{}) error {
	switch value := src.(type) {
	case nil:
		v.values = nil
	case []float32:
		v.values = value
	case vector:
		v.values = value.values
	default:
		return fmt.Errorf("no vector: %T", src)
	}
	return nil
}

func (v vector) Get() interface{} {
	if v.values == nil {
		return nil
	}
	return v.values
}

func (v *vector) AssignTo(dst interface{}) error {
	target, is := dst.(*[]float32)
	if !is {
		return fmt.Errorf("no place for a vector: %T", dst)
	}
	*target = v.values
	return nil
}

func connect(port string) *pgx.Conn {
	conn, err := pgx.Connect(ctx, "postgres://postgres@127.0.0.1:"+port+"/postgres?sslmode=disable")
	must(err)
	_, err = conn.Exec(ctx, "CREATE EXTENSION IF NOT EXISTS vector")
	must(err)
	var oid uint32
	must(conn.QueryRow(ctx, "SELECT 'vector'::regtype::oid").Scan(&oid))
	conn.ConnInfo().RegisterDataType(pgtype.DataType{Value: &vector{}, Name: "vector", OID: oid})
	return conn
}

func ids(conn *pgx.Conn, sql string, args ...interface{}) []int64 {
	rows, err := conn.Query(ctx, sql, args...)
	must(err)
	defer rows.Close()
	var found []int64
	for rows.Next() {
		var id int64
		must(rows.Scan(&id))
		found = append(found, id)
	}
	must(rows.Err())
	return found
}

func checkValues(conn *pgx.Conn) {
	_, err := conn.Exec(ctx, "CREATE TABLE items (id bigserial PRIMARY KEY, name text, embedding vector(3))")
	must(err)
	_, err = conn.Exec(ctx, "INSERT INTO items (name, embedding) VALUES ($1, $2), ($3, $4)",
		"a", vector{[]float32{1, 1, 1}}, "b", vector{[]float32{2, 2, 2.5}})
	must(err)
	count, err := conn.CopyFrom(ctx, pgx.Identifier{"items"}, []string{"name", "embedding"}, pgx.CopyFromRows([][]interface{}{
		{"c", []float32{1, 1, 2}}, {"d", nil}}))
	must(err)
	same("copied", count, int64(2))
	var got vector
	must(conn.QueryRow(ctx, "SELECT embedding FROM items WHERE id = $1", 2).Scan(&got))
	same("value", got.values, []float32{2, 2, 2.5})
	must(conn.QueryRow(ctx, "SELECT embedding FROM items WHERE id = 4").Scan(&got))
	same("null", got.values, []float32(nil))
	must(conn.QueryRow(ctx, "SELECT avg(embedding) FROM items WHERE id <> 2").Scan(&got))
	same("average", got.values, []float32{1, 1, 1.5})
}

func checkNearest(conn *pgx.Conn) {
	query := vector{[]float32{1, 1, 1}}
	for _, order := range []string{"embedding <-> $1", "embedding <+> $1", "l2_distance(embedding, $1)"} {
		same(order, ids(conn, "SELECT id FROM items WHERE embedding IS NOT NULL ORDER BY "+order+" LIMIT 5", query),
			[]int64{1, 3, 2})
	}
	same("inner product", ids(conn, "SELECT id FROM items ORDER BY embedding <#> $1 LIMIT 2", query), []int64{2, 3})
	same("radius", ids(conn, "SELECT id FROM items WHERE embedding <-> $1 < 1.5 ORDER BY id", query), []int64{1, 3})
	var distance float64
	must(conn.QueryRow(ctx, "SELECT embedding <-> $1 FROM items WHERE id = 3", query).Scan(&distance))
	same("distance", distance, 1.0)
}

func checkIndex(conn *pgx.Conn) {
	_, err := conn.Exec(ctx, "CREATE INDEX ON items USING hnsw (embedding vector_l2_ops) WITH (m = 8, ef_construction = 32)")
	must(err)
	checkNearest(conn)
	tx, err := conn.Begin(ctx)
	must(err)
	_, err = tx.Exec(ctx, "SET LOCAL hnsw.ef_search = 100")
	must(err)
	_, err = tx.Exec(ctx, "DELETE FROM items WHERE id = 1")
	must(err)
	same("in the transaction", ids(conn, "SELECT id FROM items ORDER BY embedding <-> $1 LIMIT 1", vector{[]float32{1, 1, 1}}),
		[]int64{3})
	must(tx.Rollback(ctx))
	checkNearest(conn)
}

func checkBatch(conn *pgx.Conn) {
	batch := &pgx.Batch{}
	for i := 0; i < 3; i++ {
		batch.Queue("SELECT $1::int + 1, $2::vector", i, vector{[]float32{float32(i), 0, 0}})
	}
	results := conn.SendBatch(ctx, batch)
	for i := 0; i < 3; i++ {
		var number int
		var value vector
		must(results.QueryRow().Scan(&number, &value))
		same("batch", []interface{}{number, value.values}, []interface{}{i + 1, []float32{float32(i), 0, 0}})
	}
	must(results.Close())
}

func fails(conn *pgx.Conn, code, message, sql string, args ...interface{}) {
	_, err := conn.Exec(ctx, sql, args...)
	var said *pgconn.PgError
	if !errors.As(err, &said) {
		panic(fmt.Sprintf("%s: no error of the server: %v", sql, err))
	}
	same(sql, []string{said.Code, said.Message}, []string{code, message})
}

func checkErrors(conn *pgx.Conn) {
	fails(conn, "22000", "expected 3 dimensions, not 2", "INSERT INTO items (embedding) VALUES ($1)", vector{[]float32{1, 2}})
	fails(conn, "22000", "different vector dimensions 3 and 2", "SELECT embedding <-> '[1,2]' FROM items")
	fails(conn, "22P02", `invalid input syntax for type vector: "x"`, "SELECT 'x'::vector")
	checkNearest(conn)
}

func main() {
	conn := connect(os.Args[1])
	_, err := conn.Exec(ctx, "DROP TABLE IF EXISTS items")
	must(err)
	checkValues(conn)
	checkNearest(conn)
	checkIndex(conn)
	checkBatch(conn)
	checkErrors(conn)
	_, err = conn.Exec(ctx, "DROP TABLE items")
	must(err)
	must(conn.Close(ctx))
	fmt.Println("pgx: all as expected")
}

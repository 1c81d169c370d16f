# SPDX-License-Identifier: Apache-2.0
# DBD::Pg against a started server: placeholders, metadata, COPY, savepoints, notifications. Prints what came, for dbd_client.out.
#
# Usage: dbd_client.pl PORT
use strict;
use warnings;
use Data::Dumper;
use DBI;

$Data::Dumper::Indent = 0;
$Data::Dumper::Sortkeys = 1;
$Data::Dumper::Terse = 1;
my %attributes = (RaiseError => 1, PrintError => 0, PrintWarn => 0, AutoCommit => 1);
my $db = DBI->connect("dbi:Pg:host=127.0.0.1;port=$ARGV[0];dbname=postgres", 'postgres', 'none', \%attributes);

sub step {
    my ($name, $action) = @_;
    my $got = eval { $action->() };
    if ($@) {    # an error is an answer too
        my ($error) = split /\n/, $@;
        $error =~ s/ at \S+ line.*//;
        print "$name ", $db->state, " $error\n";
    } else {
        print "$name ", Dumper($got), "\n";
    }
}

# Some fields of each row.
sub fields {
    my ($statement, @names) = @_;
    return [map { my $row = $_; [map { $row->{$_} } @names] } @{$statement->fetchall_arrayref({})}];
}

$db->do('DROP TABLE IF EXISTS dbd_child');
$db->do('DROP TABLE IF EXISTS dbd_t');
$db->do('CREATE TABLE dbd_t (id serial PRIMARY KEY, name varchar(20) NOT NULL UNIQUE, n int DEFAULT 5, f float8, b bool, bytes bytea,
    at timestamptz, list int[], d numeric(10,2))');
$db->do("COMMENT ON COLUMN dbd_t.n IS 'a number'");
$db->do('CREATE TABLE dbd_child (a int REFERENCES dbd_t (id) ON DELETE CASCADE)');

step('insert', sub {
    my $insert = $db->prepare('INSERT INTO dbd_t (name, n, f, b, list, d) VALUES (?, ?, ?, ?, ?, ?) RETURNING id');
    my @ids;
    for my $i (1 .. 4) {
        $insert->execute("n$i", $i, $i / 4, $i % 2 ? 't' : 'f', [1, $i], "$i.25");
        push @ids, $insert->fetchrow_array;
    }
    return \@ids;
});
step('last id', sub { $db->last_insert_id(undef, undef, 'dbd_t', undef) });
step('select', sub { $db->selectall_arrayref('SELECT * FROM dbd_t WHERE n > ? ORDER BY id', {Slice => {}}, 2) });
step('numbered', sub { $db->selectall_arrayref('SELECT $1::int + $2::int, $1::int', {}, 3, 4) });
step('described', sub {
    my $statement = $db->prepare('SELECT * FROM dbd_t LIMIT 1');
    $statement->execute;
    [$statement->{NAME}, $statement->{TYPE}, $statement->{pg_type}, $statement->{NULLABLE}, $statement->{PRECISION}, $statement->{SCALE}];
});
step('bytes', sub {
    my $update = $db->prepare('UPDATE dbd_t SET bytes = ? WHERE id = 1');
    $update->bind_param(1, "\0\1\xff", {pg_type => DBD::Pg::PG_BYTEA()});
    $update->execute;
    unpack 'H*', $db->selectrow_array('SELECT bytes FROM dbd_t WHERE id = 1');
});
step('arrays', sub { $db->selectrow_arrayref("SELECT ARRAY[1,2], ARRAY[['a','b'],['c',NULL]], '{}'::int[]") });

step('tables', sub { fields($db->table_info('', 'public', 'dbd%', 'TABLE'), qw(TABLE_SCHEM TABLE_NAME TABLE_TYPE)) });
step('columns', sub {
    fields($db->column_info('', 'public', 'dbd_t', '%'),
        qw(COLUMN_NAME TYPE_NAME COLUMN_SIZE DECIMAL_DIGITS NULLABLE COLUMN_DEF REMARKS ORDINAL_POSITION));
});
step('key', sub { fields($db->primary_key_info('', 'public', 'dbd_t'), qw(COLUMN_NAME KEY_SEQ PK_NAME)) });
step('foreign keys', sub {
    fields($db->foreign_key_info('', 'public', 'dbd_t', '', 'public', 'dbd_child'),
        qw(UK_TABLE_NAME UK_COLUMN_NAME FK_TABLE_NAME FK_COLUMN_NAME DELETE_RULE UPDATE_RULE FK_NAME));
});
step('indexes', sub { fields($db->statistics_info('', 'public', 'dbd_t', 0, 1), qw(INDEX_NAME COLUMN_NAME NON_UNIQUE ORDINAL_POSITION)) });

step('savepoint', sub {
    $db->begin_work;
    $db->do("INSERT INTO dbd_t (name) VALUES ('q')");
    $db->pg_savepoint('before');
    eval { $db->do("INSERT INTO dbd_t (name) VALUES ('q')") };
    my $state = $db->state;
    $db->pg_rollback_to('before');
    $db->rollback;
    $state;
});
step('copy in', sub {
    $db->do('COPY dbd_t (name) FROM STDIN');
    $db->pg_putcopydata("c1\n");
    $db->pg_putcopydata("c2\n");
    $db->pg_putcopyend;
    $db->selectrow_array('SELECT count(*) FROM dbd_t');
});
step('copy out', sub {
    my @lines;
    $db->do('COPY (SELECT name FROM dbd_t ORDER BY 1) TO STDOUT');
    while ($db->pg_getcopydata(my $line) >= 0) {
        push @lines, $line;
    }
    \@lines;
});
step('division', sub { $db->do('SELECT 1 / 0') });
step('duplicate', sub { $db->do("INSERT INTO dbd_t (name) VALUES ('n1')") });
step('notified', sub {
    $db->do('LISTEN dbd');
    $db->do("NOTIFY dbd, 'hi'");
    my $came = $db->pg_notifies;
    [$came->[0], $came->[2]];
});
step('asynchronous', sub {
    my $statement = $db->prepare('SELECT pg_sleep(0.1), 42', {pg_async => DBD::Pg::PG_ASYNC()});
    $statement->execute;
    $db->pg_result;
    ($statement->fetchrow_array)[1];
});
step('cursor', sub {
    $db->begin_work;
    $db->do('DECLARE c SCROLL CURSOR FOR SELECT id FROM dbd_t ORDER BY id');
    my $last = $db->selectcol_arrayref('FETCH LAST FROM c');
    $db->commit;
    $last;
});
step('changed', sub { $db->do('UPDATE dbd_t SET n = n + 1 WHERE n > ?', undef, 0) });
$db->do('DROP TABLE dbd_child, dbd_t');

# SPDX-License-Identifier: Apache-2.0
"""SQLAlchemy 1.4 with psycopg2 against a started server: a schema made and read back, objects, PostgreSQL's own types and statements.
Prints what came, for sqlalchemy_client.out.

Usage: sqlalchemy_client.py PORT
"""
import datetime
import decimal
import sys
import uuid

from sqlalchemy import (
    BigInteger, Boolean, CheckConstraint, Column, Computed, Date, Float, ForeignKey, Identity, Index, Integer, LargeBinary, MetaData,
    Numeric, String, Table, Text, create_engine, delete, exists, func, inspect, select, text, true, tuple_, update,
)  # fmt: skip
from sqlalchemy.dialects.postgresql import ARRAY, INTERVAL, JSONB, TIMESTAMP, UUID, insert
from sqlalchemy.orm import Session, declarative_base, relationship, selectinload
from sqlalchemy.schema import CreateTable

Base = declarative_base()


class Parent(Base):
    __tablename__ = "sa_parent"
    id = Column(Integer, primary_key=True)
    name = Column(String(30), nullable=False, unique=True, comment="called")
    tags = Column(ARRAY(Text))
    data = Column(JSONB)
    uid = Column(UUID(as_uuid=True))
    amount = Column(Numeric(10, 2), server_default="0")
    at = Column(TIMESTAMP(timezone=True), server_default=func.now())
    day = Column(Date)
    span = Column(INTERVAL)
    bytes = Column(LargeBinary)
    real = Column(Float)
    flag = Column(Boolean, default=True)
    big = Column(BigInteger, Identity(always=False, start=5))
    twice = Column(Integer, Computed("id*2", persisted=True))
    children = relationship("Child", back_populates="parent", cascade="all,delete-orphan")
    __table_args__ = (
        CheckConstraint("length(name) > 1", name="sa_long"),
        Index("sa_day", "day", postgresql_where=text("flag")),
        Index("sa_lower", text("lower(name)")),
        {"comment": "parents"},
    )


class Child(Base):
    __tablename__ = "sa_child"
    number = Column(Integer, primary_key=True, autoincrement=False)
    parent_id = Column(ForeignKey("sa_parent.id", ondelete="CASCADE", name="sa_fk"), primary_key=True)
    parent = relationship("Parent", back_populates="children")
    note = Column(Text)


def step(name, action):
    try:
        print(name, action())
    except Exception as error:  # an error is an answer too
        print(name, type(error).__name__, str(getattr(error, "orig", error)).split("\n")[0])


def fill(session):
    for i in range(5):
        parent = Parent(
            name=f"n{i}", tags=["a", f"b{i}"], data={"k": i, "l": [1, {"z": i}]}, uid=uuid.UUID(int=i), amount=decimal.Decimal("1.5") * i,
            day=datetime.date(2024, 1, 1 + i), span=datetime.timedelta(days=i, hours=1), bytes=bytes([i]), real=i / 4,
        )  # fmt: skip
        parent.children = [Child(number=1, note="x"), Child(number=2)]
        session.add(parent)
    session.commit()
    return session.scalar(select(func.count()).select_from(Child))


def row_of(parent):
    columns = (parent.name, parent.tags, parent.data, parent.uid, parent.amount, parent.day, parent.span, parent.bytes, parent.real)
    return columns + (parent.big, parent.twice, len(parent.children))


def nested(session):
    with session.begin_nested():
        session.add(Parent(name="nested"))
        session.flush()
    try:
        with session.begin_nested():
            session.add(Parent(name="nested"))
            session.flush()
    except Exception as error:
        name = type(error).__name__
    count = session.scalar(select(func.count()).where(Parent.name == "nested"))
    session.rollback()
    return name, count


def queries(session):
    rows = select(Parent).options(selectinload(Parent.children)).order_by(Parent.id).limit(2)
    number = Parent.data["k"].astext.cast(Integer)
    last = select(Child.number).where(Child.parent_id == Parent.id).order_by(Child.number.desc()).limit(1).lateral()
    counted = select(Parent.name, func.count(Child.number)).join(Child, isouter=True).group_by(Parent.name)
    ranked = select(Parent.name, func.row_number().over(order_by=Parent.amount.desc()), func.lag(Parent.amount).over(order_by=Parent.id))
    few = select(Parent.id).where(Parent.id < 3).cte("few")
    step("objects", lambda: [row_of(parent) for parent in session.scalars(rows)])
    step("json", lambda: session.scalars(select(Parent.name).where(number > 2).order_by(Parent.name)).all())
    step("json path", lambda: session.scalars(select(Parent.data[("l", "1", "z")].astext).order_by(Parent.id)).all())
    step("contains", lambda: session.scalars(select(Parent.name).where(Parent.data.contains({"k": 3}))).all())
    step("array", lambda: session.scalars(select(Parent.name).where(Parent.tags.contains(["b2"]))).all())
    step("any", lambda: session.scalars(select(Parent.name).where(Parent.tags.any("b1"))).all())
    step("group", lambda: session.execute(counted.having(func.count(Child.number) > 1).order_by(Parent.name)).all())
    step("window", lambda: session.execute(ranked.order_by(Parent.id)).all())
    step("with", lambda: session.execute(select(few.c.id).order_by(few.c.id)).all())
    step("lateral", lambda: session.execute(select(Parent.name, last.c.number).join(last, true()).order_by(Parent.id).limit(2)).all())
    step("exists", lambda: session.scalar(select(exists().where(Parent.name == "n1"))))
    step("tuples", lambda: session.execute(select(Child.number).where(tuple_(Child.number, Child.parent_id).in_([(1, 1), (1, 2)]))).all())
    step("stream", lambda: sum(1 for _ in session.execute(select(func.generate_series(1, 500)).execution_options(yield_per=37))))


def changes(session):
    upsert = insert(Parent).values(name="n1", real=9).on_conflict_do_update(index_elements=["name"], set_={"real": 9.5})
    step("upsert", lambda: session.execute(upsert.returning(Parent.real)).all())
    raised = update(Parent).where(Parent.name == "n2").values(amount=Parent.amount + 1)
    step("update", lambda: session.execute(raised.returning(Parent.amount)).all())
    step("delete", lambda: session.execute(delete(Child).where(Child.number == 2)).rowcount)
    step("locked", lambda: session.scalars(select(Parent.name).with_for_update(skip_locked=True).order_by(Parent.id).limit(1)).all())
    session.commit()
    step("duplicate", lambda: (session.add(Parent(name="n1")), session.flush()))
    session.rollback()
    step("check", lambda: (session.add(Parent(name="z")), session.flush()))
    session.rollback()
    step("nested", lambda: nested(session))


def schema(engine):
    inspector = inspect(engine)
    step("tables", lambda: [name for name in sorted(inspector.get_table_names()) if name.startswith("sa_")])
    step("columns", lambda: [{key: str(value) for key, value in column.items()} for column in inspector.get_columns("sa_parent")])
    step("key", lambda: inspector.get_pk_constraint("sa_child"))
    step("foreign keys", lambda: inspector.get_foreign_keys("sa_child"))
    step("indexes", lambda: sorted(inspector.get_indexes("sa_parent"), key=lambda index: index["name"]))
    step("unique", lambda: inspector.get_unique_constraints("sa_parent"))
    step("checks", lambda: inspector.get_check_constraints("sa_parent"))
    step("comment", lambda: inspector.get_table_comment("sa_parent"))
    step("sequences", lambda: sorted(name for name in inspector.get_sequence_names() if name.startswith("sa_")))
    step("reflected", lambda: [(column.name, str(column.type)) for column in Table("sa_parent", MetaData(), autoload_with=engine).columns])
    step("made again", lambda: " ".join(str(CreateTable(Table("sa_child", MetaData(), autoload_with=engine)).compile(engine)).split()))


def two_phases(conn):
    transaction = conn.begin_twophase()
    conn.execute(text("SELECT 1"))
    transaction.prepare()
    transaction.commit()


def main(port):
    engine = create_engine(f"postgresql+psycopg2://postgres:none@127.0.0.1:{port}/postgres", future=True)
    Base.metadata.drop_all(engine)
    Base.metadata.create_all(engine)
    with Session(engine) as session:
        step("filled", lambda: fill(session))
        queries(session)
        changes(session)
    schema(engine)
    with engine.connect() as conn:
        step("two phases", lambda: two_phases(conn))
    with engine.connect().execution_options(isolation_level="SERIALIZABLE") as conn:
        step("isolation", conn.get_isolation_level)
    Base.metadata.drop_all(engine)


main(int(sys.argv[1]))

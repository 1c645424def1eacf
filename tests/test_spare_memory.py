"""A transaction of dbt that ends for want of memory is told once more by one thread, and leaves what it would have left."""

from __future__ import annotations

import contextlib

import duckdb
import pytest
from dbt.adapters.duckdb.environments import local

from dagster_project.spare_memory import try_again_with_one_thread

COMMENT = '/* {"node_id": "model.outcomes.begin"} */ '


class Tight:
    """A connection in which two threads have too little memory for what is called large; DuckDB ends the transaction then."""

    def __init__(self, con: duckdb.DuckDBPyConnection, least: int = 1):
        self.con, self.least, self.refused = con, least, 0

    def __getattr__(self, name):
        return getattr(self.con, name)

    def execute(self, sql, *bindings):
        threads = self.con.execute("select current_setting('threads')").fetchall()[0][0] if "large" in sql else 0
        if threads > self.least:
            self.refused += 1
            raise duckdb.OutOfMemoryException("failed to pin block")
        return self.con.execute(sql, *bindings)


@pytest.fixture
def cursor(monkeypatch):
    wrapper = local.DuckDBCursorWrapper
    plainly = wrapper.__dict__.get("rollback", lambda self: self._cursor.rollback())
    monkeypatch.setattr(wrapper, "rollback", plainly, raising=False)  # all three are put back when the test is over
    for of, name in ((wrapper, "execute"), (local.LocalEnvironment, "submit_python_job")):
        monkeypatch.setattr(of, name, getattr(of, name))
    try_again_with_one_thread()
    with duckdb.connect(config={"threads": 2}) as con:
        con.execute("create table kept as select range as i from range(10)")
        yield local.DuckDBCursorWrapper(Tight(con))


def values(cursor) -> list[int]:
    return [i for (i,) in cursor.execute("select i from kept order by i").fetchall()]


def threads(cursor) -> int:
    return cursor.execute("select current_setting('threads')").fetchall()[0][0]


def test_a_mended_table_forgets_and_has_again_once(cursor):
    cursor.execute(COMMENT + "BEGIN")
    cursor.execute("delete from kept where i < 5")
    cursor.execute("insert into kept select i - 100 from kept /* large */")
    assert cursor.refused == 1
    cursor.execute("COMMIT")
    assert values(cursor) == [-95, -94, -93, -92, -91, 5, 6, 7, 8, 9] and threads(cursor) == 2


def test_what_was_found_by_one_thread_can_be_read_and_then_there_are_two_again(cursor):
    found = cursor.execute("select count(*) from kept /* large */").fetchall()
    assert found == [(10,)] and cursor.refused == 1 and threads(cursor) == 2


def test_what_one_thread_cannot_do_either_fails_as_before_and_nothing_is_left(cursor):
    cursor._cursor.least = 0
    cursor.execute("BEGIN")
    cursor.execute("delete from kept")
    with pytest.raises(duckdb.OutOfMemoryException):
        cursor.execute("insert into kept select 1 /* large */")
    cursor.rollback()
    assert cursor.refused == 2 and values(cursor) == list(range(10)) and threads(cursor) == 2


@pytest.mark.parametrize("least", [0, 1])
def test_the_next_model_has_two_threads_again_on_a_cursor_of_its_own(cursor, least):
    cursor._cursor.least = least
    cursor.execute("BEGIN")
    with pytest.raises(duckdb.OutOfMemoryException) if least == 0 else contextlib.nullcontext():
        cursor.execute("select 1 /* large */")
    cursor.rollback()
    assert threads(local.DuckDBCursorWrapper(cursor._cursor.con.cursor())) == 2


def test_a_statement_after_a_rollback_is_no_part_of_what_was_rolled_back(cursor):
    cursor.execute("BEGIN")
    cursor.execute("delete from kept")
    cursor.rollback()
    cursor.execute("insert into kept select 10 /* large */")
    assert values(cursor) == list(range(11))


def test_a_transaction_in_which_a_python_model_ran_is_not_told_again(cursor):
    cursor.execute("BEGIN")
    cursor.ran_python = True
    with pytest.raises(duckdb.OutOfMemoryException):
        cursor.execute("insert into kept select 1 /* large */")
    assert cursor.refused == 1


def test_another_error_is_not_tried_again(cursor):
    with pytest.raises(duckdb.BinderException):
        cursor.execute("select nothing from kept")
    assert cursor.refused == 0 and threads(cursor) == 2

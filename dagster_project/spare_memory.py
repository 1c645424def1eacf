"""What dbt does when memory is not enough for a statement: the same once more with one thread, which needs about half as much.

DuckDB shares its memory among its threads and goes to disk for the rest; now and then their timing leaves one of them nothing.
"""

from __future__ import annotations

import re

WORD = re.compile(r"(?:\s*/\*.*?\*/)*\s*(\w+)", re.DOTALL)


def try_again_with_one_thread() -> None:
    """From here on a transaction of dbt in this process that ends for want of memory is told once more, from its begin, by one
    thread. One in which a Python model ran is not: what that did was not said in SQL."""
    import duckdb
    from dbt.adapters.duckdb.environments.local import DuckDBCursorWrapper as Cursor
    from dbt.adapters.duckdb.environments.local import LocalEnvironment
    from dbt.adapters.events.logging import AdapterLogger

    execute, submit = Cursor.execute, LocalEnvironment.submit_python_job
    lowered: list[int] = []  # from how many; the setting is the database's, so whichever cursor comes next puts it back
    if getattr(execute, "tries_again", False):
        return

    def once_more(self, told: list[tuple], is_open: bool):
        threads = execute(self, "select current_setting('threads')").fetchall()[0][0]
        AdapterLogger("DuckDB").info(f"Memory was not enough for {threads} threads; once more with one.")
        execute(self, "set threads = 1")
        lowered.append(threads)
        for sql, bindings in [("begin", None)] * is_open + told:
            found = execute(self, sql, bindings)
        return found

    def patiently(self, sql, bindings=None):
        if lowered:  # not before: what was found may still be read
            execute(self, f"set threads = {lowered.pop()}")
        word, told = WORD.match(sql)[1].lower(), self.__dict__.get("told")
        if word in ("begin", "commit", "rollback"):
            self.told, self.ran_python = [] if word == "begin" else None, False
            return execute(self, sql, bindings)
        try:
            found = execute(self, sql, bindings)
        except duckdb.OutOfMemoryException:
            if self.__dict__.get("ran_python"):
                raise
            if told is not None:
                execute(self, "rollback")
            found = once_more(self, [*(told or []), (sql, bindings)], told is not None)
        if told is not None:
            told.append((sql, bindings))
        return found

    def rolled_back(self):
        self.told = None
        return self._cursor.rollback()

    def submitted(self, handle, *arguments):
        handle.cursor().ran_python = True
        return submit(self, handle, *arguments)

    patiently.tries_again = True
    Cursor.execute, Cursor.rollback, LocalEnvironment.submit_python_job = patiently, rolled_back, submitted

"""Commands for readers: ask a release, list releases, trace a figure. The command group of ``cli.py`` adds COMMANDS."""

from __future__ import annotations

import sys
from collections.abc import Iterator

import click
import duckdb

from . import reader
from .settings import load_settings

FORMATS = {"csv": reader.as_csv, "json": reader.as_json}
PROMPT, CONTINUED = "outcomes> ", "     ...> "
HELP = "SQL ends with ; and may run over lines. .tables lists tables, .columns TABLE its columns, .quit ends."


def _show(answer: reader.Answer, form: str, wide: bool) -> None:
    click.echo(FORMATS[form](answer) if form in FORMATS else reader.as_table(answer, wide))


def _statements(is_terminal: bool) -> Iterator[str]:
    """Statements and dot commands from the keyboard or a pipe; a statement ends at a line's last ``;`` or at the end of input."""
    buffer: list[str] = []
    while True:
        try:
            prompt = (CONTINUED if buffer else PROMPT) if is_terminal else ""
            line = input(prompt)
        except EOFError:
            break
        except KeyboardInterrupt:
            buffer = []
            click.echo()
            continue
        if not buffer and line.strip().startswith("."):
            yield line.strip()
            continue
        if line.strip() or buffer:
            buffer.append(line)
        if line.rstrip().endswith(";"):
            yield "\n".join(buffer)
            buffer = []
    if "".join(buffer).strip():
        yield "\n".join(buffer)


def _dot_command(con: duckdb.DuckDBPyConnection, command: str) -> reader.Answer:
    """The answer to .tables or .columns TABLE. Raises ReaderError for any other."""
    word, _, argument = command.partition(" ")
    argument = argument.strip().rstrip(";")
    if word == ".tables":
        return reader.ask(con, 'select table_name as "table", estimated_size as rows, comment from duckdb_tables() order by 1')
    if word == ".columns" and argument:
        name = argument.replace("'", "''")
        answer = reader.ask(
            con,
            'select column_name as "column", data_type as type, comment from duckdb_columns() '
            f"where table_name = '{name}' order by column_index",
        )
        if answer.rows:
            return answer
        raise reader.ReaderError(f"There is no table '{argument}'. See .tables")
    raise reader.ReaderError(f"'{command}' is not known here. {HELP}")


def _prompt(con: duckdb.DuckDBPyConnection, form: str, wide: bool) -> bool:
    """Answer until the input ends. Returns whether every question could be answered."""
    is_terminal = sys.stdin.isatty()
    if is_terminal:
        import readline  # noqa: F401  (gives input() history and editing)

        click.echo(HELP)
    is_fine = True
    for statement in _statements(is_terminal):
        if statement.rstrip(";") in (".quit", ".exit"):
            break
        try:
            answer = _dot_command(con, statement) if statement.startswith(".") else reader.ask(con, statement)
            _show(answer, form, wide)
        except reader.ReaderError as error:
            is_fine = False
            click.echo(str(error), err=True)
    return is_fine


@click.command()
@click.argument("sql", required=False)
@click.option("--format", "form", type=click.Choice(["table", "csv", "json"]), default="table", show_default=True)
@click.option("--release", "release_id", help="A release by its id (see outcomes releases); default: the current one.")
@click.option("--wide", is_flag=True, help="Do not cut long text.")
def query(sql: str | None, form: str, release_id: str | None, wide: bool) -> None:
    """Answer SQL on a release, read only. Without SQL: a prompt, or statements from a pipe."""
    with reader.connect(reader.release_folder(load_settings(), release_id)) as con:
        if sql:
            _show(reader.ask(con, sql), form, wide)
        elif not _prompt(con, form, wide) and not sys.stdin.isatty():
            sys.exit(1)


@click.command()
def releases() -> None:
    """List releases, latest first: published, current and refused."""
    lines = reader.releases(load_settings())
    if not lines:
        click.echo("There is no release yet. Make one with: make run")
        return
    columns = ["release", "created (UTC)", "tables", "passed", "warned", "waived", "failed", "status"]
    rows = [
        (r.release_id, r.created_at[:19].replace("T", " "), r.tables, r.passed, r.warned, r.waived, r.failed, r.status)
        for r in lines
    ]
    click.echo(reader.as_table(reader.Answer(columns, rows), wide=True))


@click.command()
@click.argument("indicator")
@click.argument("area")
@click.argument("period")
@click.option("--view", help="One of several views of the indicator.")
@click.option("--release", "release_id", help="A release by its id; default: the current one.")
def trace(indicator: str, area: str, period: str, view: str | None, release_id: str | None) -> None:
    """Say what stands behind a figure: outcomes trace NI143 "South Wales" 2009-04..2009-07

    AREA is a code, a name or nation. PERIOD is 2009-04 (month), 2009-Q2 (April to June), 2009/10 (financial year),
    2009-04..2009-07 (first and last month) or published_window.
    """
    from .trace import NotFound
    from .trace import trace as find

    try:
        click.echo(find(reader.release_folder(load_settings(), release_id), indicator, area, period, view))
    except NotFound as error:
        click.echo(str(error), err=True)
        sys.exit(2)


@click.command()
@click.option("--html", is_flag=True, help="Print only where the HTML page is.")
def night(html: bool) -> None:
    """Print the latest night's summary: what was published or held, what to fix, what is late, what changed."""
    from . import summary

    folder = summary.latest(load_settings())
    if folder is None or not (folder / "summary.md").exists():
        click.echo("No night has left a summary yet. Run one with: outcomes run", err=True)
        sys.exit(1)
    click.echo(folder / "summary.html" if html else (folder / "summary.md").read_text(encoding="utf-8"))


COMMANDS = [night, query, releases, trace]

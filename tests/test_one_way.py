"""A ``person_id`` cannot be turned back: nobody makes it from a reference without the key, and no reference leaves the room."""

from __future__ import annotations

import hashlib
import hmac
import zlib
from pathlib import Path

import duckdb

from dagster_project import warehouse
from dagster_project.contracts import load_contracts

SIXTY_BITS = 15  # hexadecimal digits


def _cut(digest: str) -> int:
    return int(digest[:SIXTY_BITS], 16)


def _keyed(key_file: Path, texts: set[str]) -> set[int]:
    inner, outer = (bytes.fromhex(half) for half in key_file.read_text().splitlines()[1].split(","))
    return {_cut(hashlib.sha256(outer + hashlib.sha256(inner + text.encode()).digest()).hexdigest()) for text in texts}


def _unkeyed(texts: set[str]) -> set[int]:
    found = set()
    for text in texts:
        for name in ("md5", "sha1", "sha256", "sha512", "blake2b", "sha3_256"):
            digest = hashlib.new(name, text.encode())
            found |= {
                _cut(digest.hexdigest()),
                int.from_bytes(digest.digest()[:8], "big"),
                int.from_bytes(digest.digest()[:8], "little"),
            }
        found |= {
            _cut(hmac.new(guess, text.encode(), "sha256").hexdigest()) for guess in (b"", b"key", b"person_id", b"outcomes")
        }
        found.add(zlib.crc32(text.encode()))
    with duckdb.connect() as con:
        found |= {n for (n,) in con.execute("select hash(t) from (select unnest(?) as t)", [sorted(texts)]).fetchall()}
    return found


def _spellings(references: list[tuple[str, str]]) -> set[str]:
    texts = {join.join(pair) for pair in references for join in ("/", "|", ":", "-", " ", "")} | {ref for _, ref in references}
    return texts | {text.lower() for text in texts} | {text.upper() for text in texts}


def _columns(con: duckdb.DuckDBPyConnection) -> list[tuple[str, str, str, str]]:
    """Schema, table, column and type of every column of every table; a view holds nothing."""
    return con.execute(
        "select c.schema_name, c.table_name, c.column_name, c.data_type from duckdb_columns() as c "
        "inner join duckdb_tables() as t using (database_name, schema_name, table_name) where not t.internal"
    ).fetchall()


def _values(con: duckdb.DuckDBPyConnection, kinds: set[str]) -> set:
    """Every value of every column of some types."""
    found = set()
    for schema, table, column, kind in _columns(con):
        if kind in kinds:
            found |= {v for (v,) in con.execute(f'select distinct "{column}" from "{schema}"."{table}"').fetchall()}
    return found


def test_a_person_id_is_made_of_a_reference_with_the_key_and_of_none_without_it(hand_world, tmp_path):
    people = hand_world.restricted("select agency, person_ref, reference_id, person_id from identity.int_people")
    texts = {f"{row['agency']}/{row['person_ref']}" for row in people}
    ids = {row["person_id"] for row in people}
    seen = {
        row["person_id"] for row in hand_world.query("select person_id from marts.minimum_outcomes where person_id is not null")
    }
    assert seen and seen <= ids
    assert ids <= _keyed(hand_world.settings.person_key_file, texts), "or else nothing is proved by what follows"
    guesses = _unkeyed(_spellings([(row["agency"], row["person_ref"]) for row in people]))
    other_key = _keyed(warehouse.ensure_person_key(tmp_path / "other.key"), texts)
    with duckdb.connect(str(hand_world.settings.warehouse_db), read_only=True) as con:
        in_warehouse = _values(con, {"BIGINT", "UBIGINT", "HUGEINT", "UHUGEINT"})
        published = {column for schema, _, column, _ in _columns(con) if schema == "publish"}  # what a release is written of
    assert published and "person_id" not in published
    assert ids & in_warehouse
    assert not (guesses | other_key) & (ids | in_warehouse)
    assert not {row["reference_id"] for row in people} & in_warehouse, "a hash that needs no key stays in the restricted file"


def test_the_warehouse_has_no_column_of_agencies_references_and_no_reference_in_any_cell(hand_world):
    contracts = load_contracts(hand_world.settings.contracts_dir, hand_world.settings.seeds_dir)
    identifying = [e for e in contracts.extracts if any(c.is_identifier for c in e.columns)]
    theirs = {c.name for e in identifying for c in e.columns if c.is_identifier or (c.is_key and not c.code_list)}
    theirs |= {"person_ref", "reference_id", "record_key", "offending_text"}
    kept = {row["person_ref"] for row in hand_world.restricted("select distinct person_ref from identity.int_people")}
    with duckdb.connect(str(hand_world.settings.warehouse_db), read_only=True) as con:
        assert [column for column in _columns(con) if column[2] in theirs] == []
        cells = _values(con, {"VARCHAR"})
    assert len(kept) > 10 and len(cells) > 100
    assert not cells & kept

"""The weight of evidence that two records are of one person: Splink's, by the stored model."""

from __future__ import annotations

import json
import logging
import re

import duckdb

from .model import ANY_OTHER, Model

LEAST_WEIGHT = -7.0  # about one in a hundred: a pair below it is no candidate, nor a rival of one
DECIMALS = 4  # of a weight, so that the order in which factors are multiplied does not show


def score(con: duckdb.DuckDBPyConnection, records: str, pairs: str, model: Model) -> str:
    """The name of a new table (reference_a, reference_b, match_weight): log2 of the odds, the prior included.

    ``records``: a table with reference_id and what the model compares; ``pairs``: a table (reference_a, reference_b). Only
    pairs of a weight of LEAST_WEIGHT and more. Splink makes its tables in the connection's current database and schema.
    """
    con.execute("create or replace table weighed (reference_a bigint, reference_b bigint, match_weight double)")
    if con.execute(f"select count(*) from {pairs}").fetchall()[0][0]:
        predicted = predict(con, records, pairs, model)
        con.execute(
            "insert into weighed select least(reference_id_l, reference_id_r), greatest(reference_id_l, reference_id_r), "
            f"round(match_weight, {DECIMALS}) from {predicted}"
        )
        con.execute(f"drop table {predicted}")
    return "weighed"


def predict(con: duckdb.DuckDBPyConnection, records: str, pairs: str, model: Model, least: float | None = LEAST_WEIGHT) -> str:
    """The name of Splink's own table of predictions for the pairs, with all columns that the model's settings retain."""
    from splink import DuckDBAPI, Linker  # takes a second: only when there is something to compare

    con.execute(
        f"create or replace table compared as select {', '.join(_needed(con, records, model))} from {records} as r "
        f"join (select reference_a as wanted from {pairs} union select reference_b from {pairs}) on r.reference_id = wanted"
    )
    con.execute(
        "create or replace table blocked as select reference_a as join_key_l, reference_b as join_key_r, '0' as match_key "
        f"from {pairs}"
    )
    api = DuckDBAPI(connection=con)
    linker = Linker(api.register("compared"), model.settings, log_level=logging.ERROR)
    for column in model.adjusted:
        linker.table_management.register_term_frequency_lookup(api.register(_lookup(con, column, model)), column)
    linker.table_management.register_blocked_pairs_for_predict(api.register("blocked"))
    return linker.inference.predict(threshold_match_weight=least).physical_name


def _needed(con: duckdb.DuckDBPyConnection, records: str, model: Model) -> list[str]:
    """The columns of records that the model's settings speak of: Splink copies all that it is given, several times."""
    said = set(re.findall(r"\w+", json.dumps(model.settings).replace("\\n", " ")))
    columns = [name for name, *_ in con.execute(f"describe select * from {records}").fetchall()]
    return [name for name in columns if name in said or f"{name}_l" in said]


def _lookup(con: duckdb.DuckDBPyConnection, column: str, model: Model) -> str:
    """A table of the share of records that have each value of a column that is compared."""
    listed = model.frequencies[column]
    name = f"share_of_{column}"
    con.execute("create or replace table listed (value varchar, share double)")
    common = {value: share for value, share in listed.items() if value != ANY_OTHER}
    con.execute("insert into listed select unnest(?), unnest(?)", [list(common), list(common.values())])
    con.execute(
        f"create or replace table {name} as select {column}, coalesce(share, ?) as tf_{column} from "
        f"(select distinct {column} from compared where {column} is not null) left join listed on {column} = value",
        [listed[ANY_OTHER]],
    )
    return name

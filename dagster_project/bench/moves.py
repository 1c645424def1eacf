"""From a world's files probation's next list of people: some live elsewhere, and a tenth as many have another name."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import duckdb

from .changes import DAYS_LATER, write
from .reads import World, enum_types, relation

LIST, MOVES, PER_MILLE = ("probation", "people"), {"postcode": 1, "last_name": 10}, 1000


def make(world: Path, landing: Path, percent: int) -> Path:
    """Write the list: of ``percent`` of its people the postcode, of a tenth as many the family name, is that of somebody else.

    Who that is follows from keys, so it is the same each time. Returns the file.
    """
    files = World(world)
    extract = files.contracts.find(*LIST)
    latest = files.deliveries(extract)[0]
    key = extract.key[0]
    with duckdb.connect() as con:
        con.execute(enum_types(files.contracts))
        others = ", ".join(
            f"case when hash({key} || '{name}') % {PER_MILLE} < {percent * 10 // share} "
            f"then lag({name}) over (order by hash({key})) else {name} end as {name}"
            for name, share in MOVES.items()
        )
        path = landing / extract.agency / f"{extract.name}_{latest.extract_date + timedelta(days=DAYS_LATER)}.csv"
        once = f"qualify row_number() over (partition by {key}) = 1 order by {key}"
        write(con, f"select * replace ({others}) from {relation(files, extract)} {once}", extract, path)
    return path

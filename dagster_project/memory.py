"""The memory that a whole night may take, all its processes together, and how much of it is left for DuckDB.

DuckDB's own limit bounds its buffers only. Beside it stand Python, Dagster and dbt, two processes of them while dbt works, and
what some of DuckDB's operators take beyond their limit. Both were measured (docs/operations.md).
"""

from __future__ import annotations

import ctypes
import gc
import re

UNITS = {
    "B": 1,
    "KB": 10**3,
    "MB": 10**6,
    "GB": 10**9,
    "TB": 10**12,
    "KIB": 1 << 10,
    "MIB": 1 << 20,
    "GIB": 1 << 30,
    "TIB": 1 << 40,
}
BESIDE = 850 * 10**6  # bytes of Python, Dagster and dbt
BEYOND = 1.35  # how many times its limit DuckDB takes at most: 1.3 was measured, in a look-up of 3.6 million people
LEAST = 120 * 10**6  # bytes with which DuckDB can work at all


class TooLittleMemory(ValueError):
    """The limit is no amount of memory, or leaves too little; the message says what is the least."""


def bytes_of(text: str) -> int:
    """``4GB``, ``1.5 GiB`` or ``900MB`` in bytes, units as DuckDB reads them. Raises TooLittleMemory for anything else."""
    match = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*([A-Za-z]+)\s*", text)
    if match is None or match[2].upper() not in UNITS:
        raise TooLittleMemory(
            f"memory_limit is '{text}' (OUTCOMES_MEMORY_LIMIT or [tool.outcomes] in pyproject.toml): write it as 4GB."
        )
    return int(float(match[1]) * UNITS[match[2].upper()])


def for_duckdb(whole: str) -> str:
    """What DuckDB may take, in its text form, of what the whole night may. Raises TooLittleMemory if it is not enough."""
    left = int((bytes_of(whole) - BESIDE) / BEYOND)
    if left < LEAST:
        least = -(-(BESIDE + LEAST * BEYOND) // 10**8) / 10
        raise TooLittleMemory(
            f"memory_limit is {whole} for the whole night (OUTCOMES_MEMORY_LIMIT or [tool.outcomes] in pyproject.toml), of which "
            f"Python, Dagster and dbt take {BESIDE // 10**6}MB. The least is {least:g}GB."
        )
    return f"{left // 10**6}MB"


def give_back() -> None:
    """Give memory that is free within this process back to the system, where the system's library can."""
    gc.collect()
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim is not None:
        trim(0)

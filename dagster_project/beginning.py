"""How the long commands begin: without what Python and mashumaro would do for programs that live longer.

A small night is mostly the start of three large libraries. Of the 6.1 CPU seconds of dbt's first reading this saves 0.7.
"""

from __future__ import annotations

import gc

SELDOM = (100_000, 20, 20)  # new objects, and rounds of younger ones, between two looks; Python's own are 700, 10 and 10


def begin_lightly() -> None:
    """From here on this process seldom looks for garbage, and writes code for a class of dbt or Dagster when it is first used."""
    from mashumaro.config import BaseConfig

    gc.set_threshold(*SELDOM)
    BaseConfig.lazy_compilation = True  # to turn one of hundreds of classes into data and back; most never are

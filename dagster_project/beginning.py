"""How the long commands begin: without what Python and mashumaro would do for programs that live longer.

A small night is mostly the start of three large libraries. On two cores this took 1.1 of the 6.1 CPU seconds in which dbt first reads the
project.
"""

from __future__ import annotations

import gc

SELDOM = (100_000, 20, 20)  # new objects, and rounds of younger ones, between two looks; Python's own are 700, 10 and 10


def begin_lightly() -> None:
    """From here on this process seldom looks for garbage, and code for a class of dbt or Dagster is written when it is first used."""
    from mashumaro.config import BaseConfig

    gc.set_threshold(*SELDOM)
    BaseConfig.lazy_compilation = True  # to turn one of hundreds of classes into data and back; most never are

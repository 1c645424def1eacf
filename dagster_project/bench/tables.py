"""A table as Markdown."""

from __future__ import annotations


def as_table(head: list[str], rows: list[list[str]]) -> str:
    """All columns but the first are aligned to the right."""
    lines = [head, ["---"] + ["---:"] * (len(head) - 1), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)

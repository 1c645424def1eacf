"""Which processes a process has under it (Linux), as bench and drills ask."""

from __future__ import annotations

import os
from pathlib import Path


def stat(pid: int) -> list[str] | None:
    """The fields of /proc/<pid>/stat after the name: state, parent, …; None for a process that has gone."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return None
    return text[text.rindex(")") + 2 :].split()


def tree(root: int) -> dict[int, list[str]]:
    """Each process of the tree under ``root``, itself first, and its ``stat``; empty if ``root`` has gone."""
    stats = {int(p): s for p in os.listdir("/proc") if p.isdigit() and (s := stat(int(p)))}
    children: dict[int, list[int]] = {}
    for pid, fields in stats.items():
        children.setdefault(int(fields[1]), []).append(pid)
    found, todo = {}, [root] if root in stats else []
    while todo:
        pid = todo.pop()
        found[pid] = stats[pid]
        todo += children.get(pid, [])
    return found

"""Small and read-only file systems for one process and its children, without privileges: a namespace of their own (Linux)."""

from __future__ import annotations

import contextlib
import ctypes
import os
import shutil
from pathlib import Path

NEW_MOUNTS, NEW_USER = 0x00020000, 0x10000000
READ_ONLY, REMOUNT = 1, 32
_C = ctypes.CDLL(None, use_errno=True)


class NotAllowed(RuntimeError):
    """This system gives no namespaces to this user."""


def _call(name: str, *arguments) -> None:
    if getattr(_C, name)(*arguments):
        number = ctypes.get_errno()
        raise OSError(number, f"{name}: {os.strerror(number)}")


def own_namespace() -> None:
    """Give this process, which must have one thread only, mounts of its own. Raises NotAllowed."""
    user, group = os.getuid(), os.getgid()
    try:
        _call("unshare", NEW_MOUNTS | NEW_USER)
        Path("/proc/self/setgroups").write_text("deny")
        Path("/proc/self/uid_map").write_text(f"0 {user} 1")
        Path("/proc/self/gid_map").write_text(f"0 {group} 1")
    except (OSError, AttributeError) as error:
        raise NotAllowed(str(error)) from error


def on_small_disk(folder: Path, spare_bytes: int) -> None:
    """Move a folder to a file system in memory that has so much room to spare."""
    aside = folder.with_name(f"{folder.name}.aside")
    folder.rename(aside)
    folder.mkdir()
    used = sum(p.stat().st_size + 4096 for p in aside.rglob("*") if not p.is_symlink())
    _call("mount", b"tmpfs", bytes(folder), b"tmpfs", 0, f"size={used + spare_bytes},mode=700".encode())
    shutil.copytree(aside, folder, symlinks=True, dirs_exist_ok=True)
    shutil.rmtree(aside)


def remount(folder: Path, is_read_only: bool) -> None:
    """Make a folder that is a mount read-only, or writable again."""
    _call("mount", b"tmpfs", bytes(folder), b"tmpfs", REMOUNT | (READ_ONLY if is_read_only else 0), None)


def fill(folder: Path, leave_bytes: int) -> Path:
    """Fill the disk that a folder is on, all but so many bytes, as another program might. Returns the file to remove."""
    filler = folder / "another-program.bin"
    # it may be full before, for the night writes too
    with contextlib.suppress(OSError), open(filler, "wb", buffering=0) as file:
        while (free := shutil.disk_usage(folder).free) > leave_bytes:
            file.write(bytes(min(1 << 20, free - leave_bytes)))
    return filler

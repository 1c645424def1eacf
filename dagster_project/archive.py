"""The archive: bytes under their hash, receipts of what came, configurations, nights. All that cannot be made again.

Every entry is written whole or not at all, and never changed. Instants are UTC and never run back (decision 005).
"""

from __future__ import annotations

import hashlib
import itertools
import json
import os
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from .untouched import Untouched

CHUNK_BYTES = 1 << 22
STAMP = "%Y%m%dT%H%M%S.%fZ"
# what decides how deliveries are read and figures are made, as paths under the project folder
CONFIGURATION = ("pyproject.toml", "seeds/**/*", "expectations/**/*", "dbt/*.yml", "dbt/macros/**/*", "dbt/models/**/*")
CONFIGURATION += ("dbt/tests/**/*",)
DERIVED = {"_sources.yml"}
_INCOMING = itertools.count()
_KEPT: dict[tuple, str] = {}  # state of a configuration's files → its hash, of this process


class ArchiveError(RuntimeError):
    """The archive cannot give what was asked of it. The message names the file and what to do."""


@dataclass(frozen=True)
class Receipt:
    """One delivery as it came: when (naive UTC), under which name, which bytes, judged under which configuration and how."""

    received_at: datetime
    delivery_id: str
    agency: str | None
    file_name: str
    content_hash: str
    byte_count: int
    configuration: str
    status: str


@dataclass(frozen=True)
class Night:
    """One night that judged a release: its instant (naive UTC), day, configuration, code, and the release or refusal.

    ``manifest_hash`` is that of the release's manifest, and so of every file of it; empty for a refusal.
    """

    at: datetime
    today: str
    configuration: str
    code: dict[str, Any]
    release_id: str
    result: str  # published | unchanged | refused
    manifest_hash: str = ""


def write_whole(path: Path, content: bytes, mode: int = 0o400) -> None:
    """Write a file so that it is there whole or not at all, also after a power cut."""
    private_folder(path.parent)
    written = path.with_name(f".writing-{os.getpid()}-{path.name}")
    try:
        with open(os.open(written, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.chmod(written, mode)
        os.replace(written, path)
        sync(path.parent)
    finally:
        written.unlink(missing_ok=True)


def private_folder(folder: Path) -> Path:
    """Make a folder, and those above it that are missing, for their owner only."""
    if not folder.exists():
        private_folder(folder.parent)
        folder.mkdir(mode=0o700, exist_ok=True)
    return folder


def sync(path: Path) -> None:
    """Make a file's bytes, or the names in a folder, durable."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


class Archive:
    """The archive of one installation, in ``folder``. ``untouched``: what need not be read again to know what it holds."""

    def __init__(self, folder: Path, untouched: Untouched | None = None):
        self.folder, self.untouched = folder, untouched or Untouched()
        self._receipts, self._nights, self._configurations = (folder / n for n in ("receipts", "nights", "configurations"))

    # bytes -------------------------------------------------------------------------------------------------------------

    def place(self, content_hash: str) -> Path:
        """Where bytes of this hash are, or would be."""
        return self.folder / content_hash[:2] / content_hash

    def keep(self, content: bytes) -> str:
        """Keep bytes; their hash."""
        content_hash = hashlib.sha256(content).hexdigest()
        if not self.place(content_hash).exists():
            write_whole(self.place(content_hash), content)
        return content_hash

    def is_sound(self, content_hash: str) -> bool:
        """Whether the bytes are there and have their hash; reads them all."""
        try:
            with open(self.place(content_hash), "rb") as file:
                return hashlib.file_digest(file, "sha256").hexdigest() == content_hash
        except OSError:
            return False

    def has(self, content_hash: str) -> bool:
        """Whether the bytes are there and have their hash; those read not long ago, and untouched since, are not read again."""
        place = self.place(content_hash)
        if self.untouched.hash_of(place) == content_hash:
            return True
        before = place.stat() if place.is_file() else None
        is_sound = self.is_sound(content_hash)
        if is_sound:
            self.untouched.was_read(place, content_hash, before, is_own=True)
        return is_sound

    def incoming(self) -> Path:
        """A new name, beside what is kept, for bytes that are on their way in."""
        return self.folder / f".incoming-{os.getpid()}-{next(_INCOMING)}"

    def sweep(self, ahead: Path | None = None) -> None:
        """Remove what a killed process was writing; the caller is the only writer, and has received ``ahead`` of its turn."""
        for pattern in (".incoming-*", "*/.writing-*"):
            for left in self.folder.glob(pattern):
                if left != ahead:
                    left.unlink(missing_ok=True)

    # what came when ----------------------------------------------------------------------------------------------------

    def receipts(self) -> list[Receipt]:
        """Every receipt, in the order of receipt."""
        found = [self._read(path) for path in sorted(self._receipts.glob("*.json"))]
        return [Receipt(**{**r, "received_at": datetime.fromisoformat(r["received_at"])}) for r in found]

    def receipt_names(self) -> set[str]:
        """``<instant>-<delivery id>`` of every receipt, without opening them."""
        return {path.stem for path in self._receipts.glob("*.json")}

    def write_receipt(self, receipt: Receipt) -> None:
        """Keep a receipt, under ``<instant>-<delivery id>``."""
        self._write(self._receipts / f"{receipt_name(receipt.received_at, receipt.delivery_id)}.json", receipt)

    def nights(self) -> list[Night]:
        """Every night, in order."""
        found = [self._read(path) for path in sorted(self._nights.glob("*.json"))]
        return [Night(**{**n, "at": datetime.fromisoformat(n["at"])}) for n in found]

    def write_night(self, night: Night) -> None:
        self._write(self._nights / f"{night.at.strftime(STAMP)}.json", night)

    def latest_instant(self) -> datetime | None:
        """The latest instant at which anything was written down, naive UTC."""
        names = [max((p.name for p in folder.glob("*.json")), default="") for folder in (self._receipts, self._nights)]
        latest = max(names)
        return datetime.strptime(latest.split("Z")[0] + "Z", STAMP) if latest else None

    def removed(self) -> set[str]:
        """Hashes of bytes that retention has removed on purpose."""
        return {path.stem for path in (self.folder / "removed").glob("*.json")}

    def note_of_removal(self, content_hash: str) -> Path:
        """Where it is noted that retention has removed bytes, if it has."""
        return self.folder / "removed" / f"{content_hash}.json"

    def let_go_again(self, content_hash: str) -> None:
        """Bytes that retention has removed came once more, and are of no use: they go again."""
        if self.note_of_removal(content_hash).exists():
            self.place(content_hash).unlink(missing_ok=True)

    # configurations ----------------------------------------------------------------------------------------------------

    def keep_configuration(self, project_dir: Path) -> str:
        """Keep the configuration of a project folder; its hash. Files are read again only when one has changed."""
        files = {str(p.relative_to(project_dir)): p for p in configuration_files(project_dir)}
        state = (self.folder, *((name, s.st_mtime_ns, s.st_size) for name, s in sorted((n, p.stat()) for n, p in files.items())))
        if state not in _KEPT:
            _KEPT[state] = self._keep_files(files)
        return _KEPT[state]

    def _keep_files(self, files: dict[str, Path]) -> str:
        listed = {name: self.keep(path.read_bytes()) for name, path in sorted(files.items())}
        content = json.dumps(listed, indent=1).encode()
        configuration = hashlib.sha256(content).hexdigest()
        if not (self._configurations / f"{configuration}.json").exists():
            write_whole(self._configurations / f"{configuration}.json", content)
        return configuration

    def lay_out_configuration(self, configuration: str, folder: Path) -> Path:
        """Write the files of a configuration to a folder. Raises ArchiveError if one is gone or damaged."""
        for name, content_hash in self._read(self._configurations / f"{configuration}.json").items():
            if not self.is_sound(content_hash):
                raise ArchiveError(f"{self.place(content_hash)}: {name} of an earlier configuration is damaged. Restore a copy.")
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(self.place(content_hash).read_bytes())
        return folder

    # -------------------------------------------------------------------------------------------------------------------

    def _write(self, path: Path, entry: Receipt | Night) -> None:
        write_whole(path, json.dumps(asdict(entry), indent=1, default=str, ensure_ascii=False).encode())

    @staticmethod
    def _read(path: Path) -> dict[str, Any]:
        try:
            return json.loads(path.read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            raise ArchiveError(f"{path} cannot be read ({error}). Put it back from a copy of the archive.") from error


def receipt_name(received_at: datetime, delivery_id: str) -> str:
    """The name of a receipt: it sorts by the time of receipt."""
    return f"{received_at.strftime(STAMP)}-{delivery_id}"


def configuration_files(project_dir: Path) -> Iterable[Path]:
    """The files that make up the configuration of a project folder; none that a run derives."""
    for pattern in CONFIGURATION:
        for path in project_dir.glob(pattern):
            if path.is_file() and path.name not in DERIVED and not path.name.startswith("."):
                yield path


def instant(latest: datetime | None, now: datetime | None = None) -> datetime:
    """The instant to write down for what happens now, naive UTC: the clock's, or just after the latest one written down."""
    now = now or datetime.now(UTC)
    now = now.astimezone(UTC).replace(tzinfo=None) if now.tzinfo else now
    return max(now, latest + timedelta(microseconds=1)) if latest else now

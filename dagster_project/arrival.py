"""The bytes of one file: its hash and copy, what it unpacks to, and whether that is text in the agreed form.

Everything here works in pieces of a few megabytes, whatever the size of the file.
"""

from __future__ import annotations

import codecs
import gzip
import hashlib
import io
import stat
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import numpy as np

from .contracts import Extract

CHUNK_BYTES = 1 << 22
MAX_EXPANSION = 200  # a gz that grows more than this many times is taken for a bomb
GZIP_MARK = b"\x1f\x8b"
UTF8_MARK = codecs.BOM_UTF8
READ_AS_OTHER_LETTERS = ("windows-1252", "iso-8859-1")  # encodings in which nearly any bytes are letters, those of UTF-8 too
UNSEEN = (b"\xe2", b"\xef", b"\xad")  # bytes without which no sign without a width is written, in any encoding
WIDE_BLANKS = (b"\xc2", b"\xe1", b"\xe2", b"\xe3")  # first bytes in UTF-8 of U+00A0, U+1680, U+2000 to U+205F and U+3000


class FileRefused(Exception):
    """The file as a whole cannot be taken. ``says`` what is wrong, ``remedy`` what to do, ``line`` and ``column`` where."""

    def __init__(self, says: str, remedy: str, line: int | None = None, column: str | None = None):
        super().__init__(says)
        self.says, self.remedy, self.line, self.column = says, remedy, line, column


@dataclass(frozen=True)
class Scan:
    """What one pass over the text tells. ``is_plain``: nothing in the bytes stands in the way of DuckDB's own reader;
    ``is_ended``: the last line has its end; ``is_tidy``: no blank stands at either end of any value of a plain file;
    ``has_controls``: it may hold control characters, or signs without a width, beside those of its lines and delimiters."""

    line_count: int
    delimiter_count: int
    is_plain: bool
    is_ended: bool
    is_tidy: bool = False
    has_controls: bool = False


def fingerprint(path: Path, copy_to: BinaryIO | None = None) -> tuple[str, int]:
    """SHA-256 and length of the bytes as sent, copied on the way. Raises FileRefused, or OSError if they cannot be read."""
    before = path.stat()
    if not stat.S_ISREG(before.st_mode):
        raise FileRefused("is not a file that can be read", "Put the file itself there.")
    digest, count = hashlib.sha256(), 0
    with open(path, "rb") as file:
        while piece := file.read(CHUNK_BYTES):
            digest.update(piece)
            count += len(piece)
            if copy_to:
                copy_to.write(piece)
    must_be_unchanged(path, before)
    return digest.hexdigest(), count


def must_be_unchanged(path: Path, before) -> None:
    """Refuse a file that is not what it was when ``before`` (an ``os.stat_result``) was taken."""
    after = path.stat()
    if (before.st_size, before.st_mtime_ns, before.st_ino) != (after.st_size, after.st_mtime_ns, after.st_ino):
        raise FileRefused("changed while it was read", "Write it under another name and rename it when it is whole.")


def is_gzip(path: Path) -> bool:
    """Whether the bytes, not the name, are those of gzip."""
    with open(path, "rb") as file:
        return file.read(2) == GZIP_MARK


def _pieces(path: Path) -> Iterator[bytes]:
    """The bytes of the text in pieces, unpacked if gz; gzip members may follow each other."""
    packed = is_gzip(path)
    with open(path, "rb") as file:
        unpack, taken, given = zlib.decompressobj(31), 0, 0
        while raw := file.read(CHUNK_BYTES):
            taken += len(raw)
            if not packed:
                yield raw
                continue
            try:
                while raw:
                    if unpack.eof:
                        unpack = zlib.decompressobj(31)
                    piece = unpack.decompress(raw, CHUNK_BYTES)
                    given += len(piece)
                    if given > MAX_EXPANSION * max(taken, CHUNK_BYTES):
                        raise FileRefused(
                            f"unpacks to more than {MAX_EXPANSION} times its size",
                            "Send the file as it is, or packed once with gzip.",
                        )
                    if piece:
                        yield piece
                    raw = unpack.unused_data if unpack.eof else unpack.unconsumed_tail
            except zlib.error as error:
                raise FileRefused("is not a whole gzip file", "Pack it again and send it again.") from error
        if packed and not unpack.eof:
            raise FileRefused("ends in the middle of its gzip data", "It was cut off on the way; send it again.")


def _refuse_other_formats(first: bytes, encoding: str) -> None:
    """Refuse what is known by its first four bytes not to be text in the encoding."""
    if first[:4] == b"PK\x03\x04":
        raise FileRefused("is a zip archive", "Send the CSV itself, or packed with gzip (.csv.gz).")
    if first[:2] == GZIP_MARK:
        raise FileRefused("is packed twice", "Pack it once with gzip.")
    if first[:2] in (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE):
        raise FileRefused("is in UTF-16", f"Send it in {encoding}.")
    if len(first) == 4 and any(first) and bytes(2) in (first[::2], first[1::2]):
        raise FileRefused("looks like UTF-16 (every other byte is NUL)", f"Send it in {encoding}.")
    if first[:3] == UTF8_MARK and encoding != "utf-8":
        raise FileRefused("is in UTF-8", f"Send it in {encoding}.")


class _LettersOfUtf8:
    """Whether a text holds letters beyond ASCII and has written all of them in UTF-8; asked piece by piece."""

    def __init__(self) -> None:
        self._decoder, self._has_some, self._has_others = codecs.getincrementaldecoder("utf-8")(), False, False

    def look_at(self, piece: bytes, is_last: bool = False) -> None:
        if self._has_others or (piece.isascii() and not self._decoder.getstate()[0]):
            return
        self._has_some = True
        try:
            self._decoder.decode(piece, is_last)
        except UnicodeDecodeError:
            self._has_others = True

    def are_all(self) -> bool:
        """After the last piece."""
        self.look_at(b"", is_last=True)
        return self._has_some and not self._has_others


def scan(path: Path, extract: Extract) -> Scan:
    """One pass over the text. Raises FileRefused for what is empty, broken, or in another format than agreed."""
    lines, delimiters, first, last, is_plain, is_tidy, has_controls = 0, 0, b"", b"", True, True, False
    # ASCII bytes mean the same in every encoding that a contract may name
    decoder = codecs.getincrementaldecoder("utf-8" if extract.encoding == "utf-8" else "ascii")()
    letters = _LettersOfUtf8() if extract.encoding in READ_AS_OTHER_LETTERS else None
    edges = np.frombuffer(b"\r\n" + extract.delimiter.encode(), dtype=np.uint8)
    for piece in _pieces(path):
        if len(first) < 4:
            first = (first + piece[:4])[:4]
            _refuse_other_formats(first, extract.encoding)
        codes = np.frombuffer(piece, dtype=np.uint8)
        ends = int(np.count_nonzero(codes == ord("\n")))
        lines += ends
        delimiters += int(np.count_nonzero(codes == ord(extract.delimiter)))
        if letters:
            letters.look_at(piece)
        is_plain = is_plain and _is_plain(piece, last, decoder)
        if is_plain and not has_controls:
            others = int(np.count_nonzero(codes < ord(" "))) - ends
            agreed = piece.count(b"\r") + (piece.count(b"\t") if extract.delimiter == "\t" else 0) if others else 0
            has_controls = others > agreed or (not piece.isascii() and any(begin in piece for begin in UNSEEN))
        is_tidy = is_tidy and _is_tidy(piece, codes, last, edges)
        last = piece[-1:]
    if not first:
        raise FileRefused("is empty", "Send at least the header line.")
    if letters and letters.are_all():
        raise FileRefused("is in UTF-8", f"Send it in {extract.encoding}.")
    try:
        decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        is_plain = False
    return Scan(
        line_count=lines + (last != b"\n"),
        delimiter_count=delimiters,
        is_plain=is_plain and last != b"\r",
        is_ended=last in (b"\n", b"\r"),
        is_tidy=is_tidy and last != b" ",
        has_controls=has_controls,
    )


def _is_tidy(piece: bytes, codes: np.ndarray, last: bytes, edges: np.ndarray) -> bool:
    """Whether no blank stands beside a delimiter or a line end (``edges``), as far as the first byte of the next piece.

    The blanks that are not ASCII begin with one of four bytes; a piece that holds one of these is not looked at further.
    """
    if any(begin in piece for begin in WIDE_BLANKS):
        return False
    if last == b" " and codes[0] in edges:
        return False
    blanks = np.flatnonzero(codes == ord(" "))
    if blanks.size and blanks[0] == 0:
        if last in (b"", *(bytes([e]) for e in edges)):
            return False
        blanks = blanks[1:]
    after = blanks[:-1] if blanks.size and blanks[-1] == codes.size - 1 else blanks
    return not (np.isin(codes[blanks - 1], edges).any() or np.isin(codes[after + 1], edges).any())


def _is_plain(piece: bytes, last: bytes, decoder: codecs.IncrementalDecoder) -> bool:
    """Whether DuckDB and Python read a piece alike: no NUL, no lone CR, no blank beside a quote, valid in its encoding."""
    if b"\0" in piece:
        return False
    if b"\r" in piece and piece.count(b"\r") != piece.count(b"\r\n") + piece.endswith(b"\r"):
        return False
    if last == b"\r" and piece[:1] != b"\n":
        return False
    if b'"' in last + piece and (b'" ' in piece or b' "' in piece or last + piece[:1] in (b'" ', b' "')):
        return False
    if piece.isascii() and not decoder.getstate()[0]:  # nothing to decode, nor the rest of a letter waited for
        return True
    try:
        decoder.decode(piece)
    except UnicodeDecodeError:
        return False
    return True


def open_text(path: Path, encoding: str) -> io.TextIOBase:
    """The file's text, unpacked if gz, line ends as sent; bytes not in the encoding come through as lone surrogates."""
    raw = gzip.open(path, "rb") if is_gzip(path) else open(path, "rb")
    return io.TextIOWrapper(raw, encoding="utf-8-sig" if encoding == "utf-8" else encoding, errors="surrogateescape", newline="")

"""One alert a night at most, and only for what is new: a command that gets the text, or a webhook that gets JSON (decision 007).

What was alerted and still stands is kept in ``data/nights/alerted.json``. An alert holds no record keys, names or text that an
agency sent.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import re
import shlex
import signal
import subprocess
import tempfile
import threading
import tomllib
import urllib.error
import urllib.request
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from .settings import Settings

URL_SECONDS, COMMAND_SECONDS = 10, 60
ALERT_FILE = "OUTCOMES_ALERT_FILE"  # the environment variable that names the alert's JSON file for a command
STATE = "alerted.json"


class NotDelivered(RuntimeError):
    """The hook did not take the alert; the message says which and why."""


@dataclass(frozen=True)
class Hook:
    """Where alerts go: a command line (run without a shell), a webhook's URL, or both; blank is none."""

    command: str = ""
    url: str = ""


def read_hook(settings: Settings) -> Hook:
    """The hook of ``[tool.outcomes.alerts]`` in pyproject.toml, or of OUTCOMES_ALERT_COMMAND and OUTCOMES_ALERT_URL before it."""
    with open(settings.project_dir / "pyproject.toml", "rb") as file:
        written = tomllib.load(file).get("tool", {}).get("outcomes", {}).get("alerts", {})
    return Hook(**{n: os.environ.get(f"OUTCOMES_ALERT_{n.upper()}") or written.get(n, "") for n in ("command", "url")})


def fingerprint(*words: str) -> str:
    """A stable short name for a message: of its first line, without the words that have digits in them."""
    text = "\n".join(re.sub(r"\S*\d\S*", "#", (word or "").strip().split("\n")[0]) for word in words)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def alert(
    settings: Settings, problems: Iterable[dict[str, str]], evaluated: set[str], headline: str, folder: Path
) -> dict[str, Any] | None:
    """Alert about the problems that no alert was delivered for yet. Returns what became of it; None if no hook is configured.

    A problem has ``kind``, ``key`` and ``says``. Those of kinds that could not be looked for tonight are taken to stand. A hook
    that fails is said in ``error``; its problems stay new, so that the next night tries again.
    """
    try:
        hook = read_hook(settings)
        if not hook.command and not hook.url:
            return None
        state = _read_state(folder.parent / STATE)
        by_key = {p["key"]: p for p in problems}
        standing = {k for k in state if k in by_key or k.split(":")[0] not in evaluated}
        new = [p for p in by_key.values() if p["key"] not in state]
        told = {"new": [p["says"] for p in new], "standing": len(standing), "error": ""}
        if new:
            told["error"] = _deliver(hook, _content(new, len(standing), headline, folder), folder)
        if not told["error"]:
            standing |= {p["key"] for p in new}
        _write(folder.parent / STATE, {key: state.get(key, folder.name) for key in sorted(standing)})
        return told
    except Exception as error:  # an alert must not make the night fail
        return {"new": [], "standing": 0, "error": f"The alert could not be made: {' '.join(str(error).split())[:300]}"}


def _read_state(path: Path) -> dict[str, str]:
    try:
        state = json.loads(path.read_text(encoding="utf-8"))
        return state if isinstance(state, dict) else {}
    except (OSError, ValueError):
        return {}  # lost or damaged: what stands is told once more


def _content(new: list[dict[str, str]], standing: int, headline: str, folder: Path) -> dict[str, Any]:
    lines = [f"Outcome warehouse: {headline}", "", f"New: {len(new)}", *(f"- {p['says']}" for p in new)]
    lines += ["", f"Standing since earlier nights: {standing}", f"The night's page: {folder / 'summary.html'}"]
    return {
        "text": "\n".join(lines),
        "headline": headline,
        "new": [{"kind": p["kind"], "key": p["key"], "says": p["says"]} for p in new],
        "standing": standing,
        "page": str(folder / "summary.html"),
    }


def _deliver(hook: Hook, content: dict[str, Any], folder: Path) -> str:
    """Give the alert to each hook. Returns what went wrong, blank if nothing; one that failed does not keep the other from it."""
    wrong = []
    file = folder / "alert.json"
    _write(file, content)
    for name, deliver in (("command", _run_command), ("url", _post)):
        target = getattr(hook, name)
        if target:
            try:
                deliver(target, content, file)
            except (OSError, ValueError, NotDelivered) as error:
                wrong.append(str(error) or type(error).__name__)
    return " ".join(wrong)


def _run_command(command: str, content: dict[str, Any], file: Path) -> None:
    """Run a command with the text on its standard input. It and what it starts are ended after COMMAND_SECONDS."""
    words = shlex.split(command)
    name = Path(words[0]).name
    with tempfile.TemporaryFile() as errors:
        process = subprocess.Popen(
            words,
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=errors,
            env={**os.environ, ALERT_FILE: str(file)},
            start_new_session=True,
        )
        try:
            process.communicate(content["text"].encode(), timeout=COMMAND_SECONDS)
        except subprocess.TimeoutExpired as error:
            raise NotDelivered(f"The alert command {name} had not ended after {COMMAND_SECONDS} seconds.") from error
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
        if process.returncode:
            errors.seek(0)
            said = errors.read(300).decode("utf-8", "replace").strip().splitlines()
            raise NotDelivered(f"The alert command {name} ended with code {process.returncode}{': ' + said[0] if said else ''}.")


def _post(url: str, content: dict[str, Any], _file: Path) -> None:
    """Send the alert as JSON. Messages name the host only: the rest of the URL may be a secret."""
    parts = urlsplit(url)
    where = f"The alert webhook at {parts.hostname}"
    if parts.scheme not in ("http", "https"):
        raise NotDelivered("The alert URL does not begin with http:// or https://.")
    request = urllib.request.Request(url, json.dumps(content).encode(), {"Content-Type": "application/json"}, method="POST")
    answer: list[str] = []

    def send() -> None:
        try:
            with urllib.request.urlopen(request, timeout=URL_SECONDS) as response:
                answer.append("" if response.status < 300 else f"{where} answered {response.status}.")
        except urllib.error.HTTPError as error:
            answer.append(f"{where} answered {error.code}.")
        except (OSError, ValueError) as error:
            reason = getattr(error, "reason", error)
            answer.append(f"{where} cannot be reached ({str(reason).replace(url, parts.hostname or '')}).")
        except Exception as error:  # an answer that is no HTTP
            answer.append(f"{where} failed ({type(error).__name__}).")

    thread = threading.Thread(target=send, daemon=True)  # the timeout is for each read, and a server may drip
    thread.start()
    thread.join(URL_SECONDS + 1)
    if not answer or answer[0]:
        raise NotDelivered(answer[0] if answer else f"{where} had not answered after {URL_SECONDS} seconds.")


def _write(path: Path, content: dict[str, Any]) -> None:
    aside = path.with_name(f".{path.name}")
    with open(os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as file:
        json.dump(content, file, indent=1, ensure_ascii=False)
    os.replace(aside, path)

"""A browser without a window, driven over its own debugging protocol: enough to read a page, press keys and save a file.

Debian's Chromium and the websockets package, which the web server brings anyway; `make browser` installs the first.
"""

from __future__ import annotations

import itertools
import json
import shutil
import subprocess
import tempfile
import time
from pathlib import Path
from typing import Any

import pytest
from websockets.sync.client import connect

NAMES = ("chromium", "chromium-browser", "google-chrome", "chrome")
KEYS = {"ArrowLeft": 37, "ArrowRight": 39, "Enter": 13, "Tab": 9}
PATIENCE = 30  # seconds


class Browser:
    """One page of a browser that ends with the ``with`` block. Files that it saves go to ``downloads``."""

    def __init__(self, folder: Path, width: int = 1280):
        found = next(filter(None, map(shutil.which, NAMES)), None)
        if not found:
            pytest.skip("There is no Chromium to open the page with: make browser installs it.")
        self.downloads, self._numbers = folder / "downloads", itertools.count(1)
        self.downloads.mkdir(parents=True, exist_ok=True)
        self._profile = Path(tempfile.mkdtemp(prefix="browser-", dir=folder))
        arguments = ["--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run"]
        arguments += [
            "--remote-debugging-port=0",
            f"--user-data-dir={self._profile}",
            f"--window-size={width},900",
            "about:blank",
        ]
        self._process = subprocess.Popen([found, *arguments], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        self._width = width

    def __enter__(self) -> Browser:
        try:
            active = self._profile / "DevToolsActivePort"
            port, path = wait_for(lambda: active.exists() and active.read_text().split(), "the browser to start")
            self._socket, self._session = connect(f"ws://127.0.0.1:{port}{path}", max_size=None), None
            target = self.ask("Target.createTarget", url="about:blank")["targetId"]
            self._session = self.ask("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
            self.ask("Page.enable")
            self.ask("Browser.setDownloadBehavior", behavior="allow", downloadPath=str(self.downloads))
            self.ask("Emulation.setDeviceMetricsOverride", width=self._width, height=900, deviceScaleFactor=1, mobile=False)
        except BaseException:
            self._process.kill()
            raise
        return self

    def __exit__(self, *_) -> None:
        self._socket.close()
        self._process.terminate()
        self._process.wait(PATIENCE)
        shutil.rmtree(self._profile, ignore_errors=True)

    def ask(self, method: str, **parameters) -> dict[str, Any]:
        """The browser's answer to one command of its protocol."""
        number = next(self._numbers)
        message = {"id": number, "method": method, "params": parameters}
        is_own = self._session is None or method.startswith("Browser.")
        self._socket.send(json.dumps(message if is_own else message | {"sessionId": self._session}))
        while True:
            answer = json.loads(self._socket.recv(PATIENCE))
            if answer.get("id") == number:
                assert "error" not in answer, f"{method}: {answer['error']}"
                return answer["result"]

    def open(self, page: Path) -> None:
        """Open a file as a double-click would."""
        self.ask("Page.navigate", url=page.resolve().as_uri())
        wait_for(lambda: self.eval("document.readyState") == "complete", "the page to load")

    def reload(self) -> None:
        self.eval("window.old = true")
        self.ask("Page.reload")
        wait_for(lambda: self.eval("!window.old && document.readyState === 'complete'"), "the page to load again")

    def eval(self, script: str) -> Any:
        """The value of an expression in the page."""
        result = self.ask("Runtime.evaluate", expression=script, returnByValue=True)
        assert "exceptionDetails" not in result, result["exceptionDetails"]
        return result["result"].get("value")

    def text(self, selector: str) -> str:
        """What a reader sees of an element."""
        return self.eval(f"document.querySelector({selector!r}).innerText")

    def press(self, *keys: str) -> None:
        """Press and release each key: a letter or a name as of KEYS."""
        for key in keys:
            what = {"key": key, "windowsVirtualKeyCode": KEYS.get(key) or ord(key.upper())}
            typed = {"text": "\r" if key == "Enter" else key} if len(key) == 1 or key == "Enter" else {}
            self.ask("Input.dispatchKeyEvent", type="keyDown", **what, **typed)
            self.ask("Input.dispatchKeyEvent", type="keyUp", **what)

    def saved(self, count: int) -> Path:
        """The latest of so many files that the page has saved so far."""
        done = wait_for(lambda: (f := sorted(self.downloads.glob("*.csv"), key=_made)) and len(f) == count and f, "the file")
        return done[-1]


def _made(path: Path) -> int:
    return path.stat().st_mtime_ns


def wait_for(ready, what: str):
    """What ``ready`` gives once it gives anything."""
    until = time.monotonic() + PATIENCE
    while time.monotonic() < until:
        try:
            if found := ready():
                return found
        except ValueError:  # half written
            pass
        time.sleep(0.02)
    raise AssertionError(f"waited {PATIENCE} seconds for {what}")

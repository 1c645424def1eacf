"""An alert goes out once for what is new, and a hook that fails or hangs harms nothing."""

from __future__ import annotations

import json
import threading
import time
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from dagster_project import alerts
from dagster_project.settings import Settings

LATE = {"kind": "late", "key": "late:police/offences/2013-07-31", "says": "The delivery of police offences is late."}
RULE = {"kind": "rule", "key": "rule:rates", "says": "Release rule rates failed."}
ALL = {"late", "rule", "file", "step", "held", "lock", "clock", "damage"}


class Nights:
    """A data folder in which nights end with problems; ``command`` and ``url`` are the hook."""

    def __init__(self, folder):
        self.folder, self.number = folder, 0
        self.settings = Settings(project_dir=folder, home=folder, memory_limit="1GB", threads=1)
        self.hook()

    def hook(self, command="", url=""):
        section = f"[tool.outcomes.alerts]\ncommand = '{command}'\nurl = '{url}'\n" if command or url else ""
        (self.folder / "pyproject.toml").write_text(section)

    def end(self, *problems, evaluated=ALL):
        self.number += 1
        night = self.folder / "data" / "nights" / f"night{self.number}"
        night.mkdir(parents=True)
        return alerts.alert(self.settings, problems, evaluated, "The release was refused.", night)


@pytest.fixture
def nights(tmp_path, monkeypatch):
    for name in ("COMMAND", "URL"):
        monkeypatch.delenv(f"OUTCOMES_ALERT_{name}", raising=False)
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    return Nights(tmp_path)


@pytest.fixture
def webhook():
    """A local server that keeps what is posted; ``answer`` is its status, ``wait`` how long it takes in seconds."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            body = self.rfile.read(int(self.headers["Content-Length"]))
            time.sleep(server.wait)
            server.posted.append((self.headers["Content-Type"], json.loads(body)))
            self.send_response(server.answer)
            self.end_headers()

        def log_message(self, *_):
            pass

    server = HTTPServer(("127.0.0.1", 0), Handler)
    server.posted, server.answer, server.wait = [], 200, 0
    server.url = f"http://127.0.0.1:{server.server_port}/secret-path"
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server
    server.shutdown()
    server.server_close()


def test_without_a_hook_nothing_is_sent_and_nothing_is_taken_for_told(nights, webhook):
    assert nights.end(LATE) is None
    nights.hook(url=webhook.url)
    assert nights.end(LATE)["new"] == [LATE["says"]]


def test_a_problem_is_told_once_and_then_only_counted(nights, webhook):
    nights.hook(url=webhook.url)
    nights.end(LATE)
    assert nights.end(LATE) == {"new": [], "standing": 1, "error": ""}
    nights.end(LATE, RULE)
    assert [[p["key"] for p in body["new"]] for _, body in webhook.posted] == [[LATE["key"]], [RULE["key"]]]
    kind, body = webhook.posted[1]
    assert kind == "application/json"
    assert body["standing"] == 1 and RULE["says"] in body["text"] and LATE["says"] not in body["text"]


def test_a_problem_that_went_away_and_comes_back_is_new_again(nights, webhook):
    nights.hook(url=webhook.url)
    for problems in ([LATE], [], [LATE]):
        nights.end(*problems)
    assert len(webhook.posted) == 2


def test_a_problem_that_could_not_be_looked_for_stands_and_is_not_told_again(nights, webhook):
    nights.hook(url=webhook.url)
    nights.end(RULE)
    assert nights.end(evaluated={"lock"})["standing"] == 1
    nights.end(RULE)
    assert len(webhook.posted) == 1


def test_a_webhook_that_fails_is_said_without_its_path_and_tried_again_the_next_night(nights, webhook):
    nights.hook(url=webhook.url)
    webhook.answer = 503
    error = nights.end(LATE)["error"]
    assert "503" in error and "secret-path" not in error
    webhook.answer = 200
    assert nights.end(LATE)["new"] == [LATE["says"]]
    assert not nights.end(LATE)["new"]


def test_a_webhook_that_hangs_is_given_up(nights, webhook, monkeypatch):
    monkeypatch.setattr(alerts, "URL_SECONDS", 0.2)
    nights.hook(url=webhook.url)
    webhook.wait = 2
    start = time.monotonic()
    assert nights.end(LATE)["error"]
    assert time.monotonic() - start < 1.9


@pytest.mark.parametrize("url", ["http://127.0.0.1:1/x", "file:///etc/passwd", "nonsense"])
def test_a_url_that_cannot_be_reached_is_said(nights, url):
    nights.hook(url=url)
    assert nights.end(LATE)["error"]


def test_a_command_gets_the_text_on_standard_input_and_the_file_in_its_environment(nights, tmp_path):
    nights.hook(command=f'sh -c "cat > {tmp_path}/text; cp $OUTCOMES_ALERT_FILE {tmp_path}/copy.json"')
    assert nights.end(LATE, RULE)["error"] == ""
    assert "New: 2" in (tmp_path / "text").read_text()
    assert json.loads((tmp_path / "copy.json").read_text())["new"][0]["key"] == LATE["key"]


@pytest.mark.parametrize("command", ['sh -c "echo no such list >&2; exit 3"', "/no/such/command", 'sh -c "unclosed'])
def test_a_command_that_fails_is_said_and_tried_again(nights, command):
    nights.hook(command=command)
    assert nights.end(LATE)["error"]
    nights.hook(command="true")
    assert nights.end(LATE)["new"] == [LATE["says"]]


def test_a_command_that_hangs_is_ended_with_all_that_it_started(nights, tmp_path, monkeypatch):
    monkeypatch.setattr(alerts, "COMMAND_SECONDS", 0.3)
    nights.hook(command=f'sh -c "(sleep 1; touch {tmp_path}/survived) & wait"')
    assert "had not ended" in nights.end(LATE)["error"]
    time.sleep(1.2)
    assert not (tmp_path / "survived").exists()


def test_the_environment_comes_before_the_configuration(nights, webhook, monkeypatch):
    nights.hook(command="false")
    monkeypatch.setenv("OUTCOMES_ALERT_COMMAND", "true")
    monkeypatch.setenv("OUTCOMES_ALERT_URL", webhook.url)
    assert nights.end(LATE)["error"] == ""
    assert len(webhook.posted) == 1


@pytest.mark.parametrize("damage", ["", "{", "[1]"])
def test_a_damaged_list_of_what_was_told_tells_it_once_more(nights, webhook, damage):
    nights.hook(url=webhook.url)
    nights.end(LATE)
    (nights.folder / "data" / "nights" / alerts.STATE).write_text(damage)
    nights.end(LATE)
    nights.end(LATE)
    assert len(webhook.posted) == 2


def test_a_message_is_the_same_problem_whatever_numbers_are_in_it():
    said = "publish: needs {} MB in /data/2026{}/x.\nmore"
    assert alerts.fingerprint("step", said.format(12, 1)) == alerts.fingerprint("step", said.format(99, 2) + "else")
    assert alerts.fingerprint("step", "one") != alerts.fingerprint("step", "other")

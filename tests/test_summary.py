"""Every night leaves a page that says what happened, whatever happened; and writing it never makes a night fail."""

from __future__ import annotations

import dataclasses
import json
import re
from datetime import UTC, datetime, timedelta

import dagster as dg
import duckdb
import pytest
from click.testing import CliRunner
from small_release import build_world

from dagster_project import cli, fixes, gate, manifest, night, release, summary, summary_pages, summary_parts, warehouse
from dagster_project.archive import Archive, Receipt
from dagster_project.contracts import Contracts, load_contracts

JOB = "nightly"
PASSED = gate.RuleResult("rates", "indicators", "Rates add up.", "block", 0, 9, 0.0, 0, "passed", ("all",), "Mend the model.")
FAILED = dataclasses.replace(PASSED, outcome="failed", numerator=3)


@pytest.fixture(scope="module")
def contracts(tmp_path_factory) -> Contracts:
    """Read once: they are the same for every night here."""
    settings = build_world(tmp_path_factory.mktemp("contracts"))
    return load_contracts(settings.contracts_dir, settings.seeds_dir)


@pytest.fixture
def world(tmp_path, monkeypatch, contracts):
    """The small world with a calendar, an empty quarantine and a gate that says what ``gate.verdict`` says."""
    settings = build_world(tmp_path)
    for module in (manifest, summary_parts):
        monkeypatch.setattr(module, "load_contracts", lambda *_: contracts)
    (settings.project_dir / "pyproject.toml").write_text("[tool.outcomes]\ntoday = '2009-08-20'\n")
    monkeypatch.setattr(gate, "run", lambda *_: gate.verdict)
    monkeypatch.setattr(gate, "verdict", gate.Verdict((PASSED,)), raising=False)
    with duckdb.connect(str(settings.warehouse_db)) as con:
        con.execute("create table indicators.deliveries_due as from publish.deliveries_due")
        con.execute("create table indicators.populations (population varchar, mart varchar)")
    with duckdb.connect(str(settings.restricted_db)) as con:
        con.execute(
            "create table intake.quarantine (delivery_id varchar, agency varchar, extract varchar, file_name varchar, "
            "line bigint, column_name varchar, reason varchar, offending_text varchar, record_key varchar, remedy varchar)"
        )
    return dataclasses.replace(settings, today="2009-08-20")


def _night(world, *steps, is_judged=True) -> summary.Told:
    """A night: it judges a release unless a step failed before."""
    begun = summary.begin(world, holds_lock=True)
    summary.under_way(world, begun)
    if is_judged:
        release.publish(world, log=lambda _: None)
    return summary.finish(world, begun, steps)


def _sql(database, *statements: str) -> None:
    with duckdb.connect(str(database)) as con:
        for statement in statements:
            con.execute(statement)


def _pages(told: summary.Told) -> tuple[str, str]:
    return (told.folder / "summary.md").read_text(), (told.folder / "summary.html").read_text()


def test_a_published_night_says_so_and_is_for_its_owner_only(world):
    told = _night(world, summary.Step("publish_release", 3.2, "done"))
    assert told.is_fine and not told.data["notes"], told.data["notes"]
    assert told.data["headline"] == f"Release {told.data['release']} was published."
    assert summary.latest(world) == told.folder
    assert told.folder.stat().st_mode & 0o777 == 0o700
    assert {p.stat().st_mode & 0o777 for p in told.folder.iterdir()} == {0o600}
    for page in _pages(told):
        for text in ("published", "This is the first release", "publish_release", "No delivery is late"):
            assert text in page


def test_the_page_needs_no_network_and_no_script_and_its_tables_say_what_they_are(world):
    page = _pages(_night(world, summary.Step("publish_release", 3.2, "done")))[1]
    assert '<html lang="en">' in page and page.count("<h1>") == 1
    assert not re.search(r"<script|src=|href=|@import|url\(", page)
    assert page.count("<table") == page.count("<caption>") > 0
    assert not re.search(r"<th(?! scope=)", page.replace("<thead", ""))


def test_a_night_that_changes_nothing_says_so(world):
    first = _night(world)
    again = _night(world)
    assert again.data["result"] == "unchanged" and again.is_fine
    assert again.data["release"] == first.data["release"]
    assert "every figure is as it was" in _pages(again)[0]
    assert again.folder != first.folder


def test_a_refused_night_says_which_rule_and_what_to_do_and_what_readers_still_see(world):
    first = _night(world)
    gate.verdict = gate.Verdict((FAILED,))
    told = _night(world, summary.Step("publish_release", 1, "failed", "The release was refused; see data/refused"))
    assert not told.is_fine
    for text in ("rates", "Mend the model.", f"Readers see release {first.data['release']}.", "summary.html"):
        assert text in told.short
    assert "Rules that failed and keep the release back" in _pages(told)[1]


def test_a_refused_night_says_what_would_have_changed(world):
    _night(world)
    gate.verdict = gate.Verdict((FAILED,))
    where = "indicator_id = 'NI143' and geography_type = 'nation'"
    _sql(world.warehouse_db, f"update publish.indicators set rate_pct = rate_pct + 1.5 where {where} and status = 'available'")
    changes = _night(world).data["changes"]
    assert [(f["indicator_id"], f["points"]) for f in changes["figures"]] == [("NI143", 1.5)]
    assert changes["new"] is None


def test_a_night_that_fails_half_way_names_the_step_its_message_and_what_readers_still_see(world):
    first = _night(world)
    told = _night(
        world,
        summary.Step("dbt_models", 12.0, "failed", "model x: no such column. The whole log is build.log."),
        summary.Step("publish_release", None, "did not run"),
        is_judged=False,
    )
    assert told.data["result"] == "failed" and not told.is_fine
    for text in ("dbt_models", "no such column", "What to do", first.data["release"], str(told.folder)):
        assert text in told.short
    assert "did not run" in _pages(told)[0]


def test_a_step_that_fails_after_publishing_is_no_good_night(world):
    told = _night(world, summary.Step("delivery_calendar", 1, "failed", "It broke."))
    assert told.data["result"] == "published" and not told.is_fine
    assert "But these steps failed: delivery_calendar" in told.data["headline"]


def test_a_run_refused_the_lock_says_so_and_leaves_the_other_run_alone(world):
    begun = summary.begin(world)
    summary.under_way(world, begun)
    world.restricted_db.unlink()  # it is not to be opened: the other run writes in it
    told = summary.finish(world, summary.begin(world), locked="Another run is in progress (process 7). Wait until it ends.")
    assert "Another run is in progress" in told.short and "process 7" in _pages(told)[0]
    assert not told.data["notes"]
    assert (world.data_dir / "nights" / summary.UNDER_WAY).exists()


def test_a_killed_night_is_said_by_the_next(world):
    summary.under_way(world, summary.begin(world))
    told = _night(world)
    assert any("ended from outside" in note for note in told.data["notes"])
    assert not _night(world).data["notes"]


def test_a_page_that_cannot_be_written_is_said_in_a_line_and_fails_nothing(world):
    (world.data_dir / "nights").write_text("in the way")
    told = _night(world)
    assert told.is_fine and told.folder is None
    assert "could not be written" in told.short


def test_a_run_without_the_lock_opens_no_database_that_another_may_be_about_to_write(world, monkeypatch):
    monkeypatch.setattr(summary_parts.register, "connect", lambda *_: pytest.fail("a database was opened"))
    told = summary.finish(world, summary.begin(world), locked="Another run is in progress.")
    assert not told.is_fine and "Another run is in progress." in told.short


def test_a_damaged_entry_of_an_earlier_night_does_not_hide_this_one(world):
    _night(world)
    earlier = next((world.archive_dir / "nights").glob("*.json"))
    begun = summary.begin(world, holds_lock=True)
    release.publish(world, log=lambda _: None)
    earlier.chmod(0o600)
    earlier.write_text("{")
    assert summary.finish(world, begun).data["result"] == "unchanged"


def test_a_part_that_cannot_be_gathered_is_said_and_the_others_go_on(world):
    begun = summary.begin(world)
    release.publish(world, log=lambda _: None)
    world.warehouse_db.write_bytes(b"damage" * 4000)
    told = summary.finish(world, begun)
    assert told.data["result"] == "published" and told.data["verdict"]["counts"]["passed"] == 1
    assert any(note.startswith("The delivery calendar could not be said") for note in told.data["notes"])


def test_what_is_late_held_and_carried_forward_is_on_the_page_and_among_the_problems(world):
    late = "status = 'late', days_late = 9"
    overdue = "status = 'overdue', days_late = 60"
    _sql(
        world.warehouse_db,
        f"update marts.delivery_status set {late} where extract = 'orders'",
        f"update marts.delivery_status set {overdue} where extract = 'employment'",
        "update indicators.deliveries_due set held_indicators = 'NI144' where extract = 'employment'",
    )
    told = _night(world)
    assert told.data["held"] == {"NI144": "probation employment"}
    assert [c["delivery"] for c in told.data["carried"]] == ["probation orders"]
    assert {"held:NI144", "late:probation/orders/2009-08-31"} <= {p["key"] for p in summary.problems(told.data)}
    for text in ("probation orders", "overdue", "NI144", "60"):
        assert text in _pages(told)[1]


def test_what_changed_in_the_national_figures_is_said_in_points(world):
    first = _night(world)
    where = "indicator_id = 'NI143' and geography_type = 'nation'"
    _sql(world.warehouse_db, f"update publish.indicators set rate_pct = rate_pct + 2.25 where {where} and status = 'available'")
    told = _night(world)
    assert told.data["changes"]["old"] == first.data["release"]
    assert [(f["indicator_id"], f["points"]) for f in told.data["changes"]["figures"]] == [("NI143", 2.25)]
    assert told.data["changes"]["count"] > 1
    assert "+2.25" in _pages(told)[0]


def test_a_figure_that_is_held_now_is_among_the_changes(world):
    _night(world)
    where = "indicator_id = 'NI144' and period_type = 'financial_year'"
    _sql(
        world.warehouse_db,
        f"update publish.indicators set status = 'held', rate_pct = null, numerator = null, denominator = null where {where}",
    )
    figures = _night(world).data["changes"]["figures"]
    assert [(f["indicator_id"], f["new"], f["points"]) for f in figures] == [("NI144", "held", None)]


REFUSED_FILE = "orders_2009-08-31.csv"


def _refuse(world, agency="probation", extract="orders", received="2009-09-10"):
    _sql(
        world.restricted_db,
        f"insert into intake.deliveries values ('r1', '{agency}', '{extract}', '{REFUSED_FILE}', 'hash1', 10, date '2009-08-31', "
        f"1, timestamp '{received}', 0, 0, 0, 'refused', 'the file has no column crn', '1.0.0')",
    )


def test_a_file_that_no_night_reads_is_told_once_on_the_terminal_the_page_and_in_an_alert_that_does_not_name_it(world):
    stray = world.landing_dir / "probation" / "inbox" / REFUSED_FILE
    stray.parent.mkdir(parents=True)
    stray.write_text("order_id\n")
    told = _night(world)
    assert told.is_fine and told.short.count(REFUSED_FILE) == 1
    says = f"File landing/probation/inbox/{REFUSED_FILE} is not read: it is in a folder within that of probation."
    assert f"{says} Put the file itself into landing/probation." in told.short
    assert all(says in page for page in _pages(told))
    assert [p["says"] for p in summary.problems(told.data) if p["kind"] == "file"] == ["A file lies where no night reads it."]


def _refused(told: summary.Told) -> list[str]:
    return [f["what"] for a in told.data["agencies"] for f in a["fixes"] if f["kind"] == "refused file"]


def test_a_refused_file_stands_while_it_waits_and_until_another_replaces_it(world):
    _refuse(world)
    assert not _refused(_night(world))  # it came long ago and waits no longer
    waiting = world.landing_dir / "probation" / REFUSED_FILE
    waiting.parent.mkdir(parents=True)
    waiting.write_text("order_id\nR1\n")
    told = _night(world)
    assert len(_refused(told)) == 1 and REFUSED_FILE in _refused(told)[0]
    fix = told.data["agencies"][0]["fixes"][0]
    assert fix["remedy"].startswith("Send every column of the contract")
    assert "file:hash1" in {p["key"] for p in summary.problems(told.data)}
    _sql(
        world.restricted_db,
        "insert into intake.deliveries select * replace ('r2' as delivery_id, 'accepted' as status, "
        "received_at + interval 1 day as received_at) from intake.deliveries where delivery_id = 'r1'",
    )
    assert not _refused(_night(world))


def test_what_an_agency_sent_is_never_taken_for_html_or_markdown_or_a_formula(world):
    _sql(
        world.restricted_db,
        "insert into intake.quarantine values ('d0', 'probation', 'orders', 'people_2009-08-01.csv', 2, 'crn', 'required', 'x', "
        "'=1+1<script>alert(1)</script>|`*', 'Fill it.')",
    )
    told = _night(world)
    markdown, page = _pages(told)
    assert "<script" not in page and "&lt;script&gt;alert(1)" in page
    assert not re.search(r"(?<!\\)<script", markdown)
    assert "'=1+1<script>" in (told.folder / "fix_probation.csv").read_text()


def test_an_alert_holds_no_record_keys_names_or_text_that_an_agency_sent(world, monkeypatch):
    monkeypatch.setenv("OUTCOMES_ALERT_COMMAND", "true")
    _refuse(world, received="2100-01-01")
    _sql(
        world.restricted_db,
        "insert into intake.quarantine values ('r1', 'probation', 'orders', 'x', 2, 'crn', 'bad', 'Ann Smith', 'KEY1', 'Fill.')",
        "update intake.deliveries set file_name = 'Ann Smith.csv', reason = 'Ann Smith' where delivery_id = 'r1'",
    )
    told = _night(world, summary.Step("dbt_models", 1, "failed", "Could not convert 'Ann Smith' (KEY1)"), is_judged=False)
    text = (told.folder / "alert.json").read_text()
    assert told.data["alert"]["error"] == "" and len(told.data["alert"]["new"]) == 2
    assert "dbt_models" in text and "probation orders" in text
    assert not re.search("Smith|KEY1", text)
    assert "An alert was sent for 2 new problems" in _pages(told)[0]


def test_an_alert_that_is_not_delivered_is_said_on_the_page_and_fails_nothing(world, monkeypatch):
    monkeypatch.setenv("OUTCOMES_ALERT_COMMAND", "false")
    gate.verdict = gate.Verdict((FAILED,))
    told = _night(world)
    assert "The alert was not delivered" in _pages(told)[1]
    monkeypatch.setenv("OUTCOMES_ALERT_COMMAND", "true")
    assert _night(world).data["alert"]["new"]


def test_a_clock_that_runs_behind_the_archive_is_said(world):
    ahead = datetime.now(UTC).replace(tzinfo=None) + timedelta(days=2)
    Archive(world.archive_dir).write_receipt(Receipt(ahead, "d9", "dwp", "x.csv", "0" * 64, 1, "", "accepted"))
    told = _night(world)
    assert "set the clock right" in told.short
    assert "clock:behind" in {p["key"] for p in summary.problems(told.data)}


def test_what_was_taken_from_the_archive_and_a_database_made_anew_are_said(world):
    begun = summary.begin(world, holds_lock=True)
    _sql(
        world.restricted_db,
        "insert into intake.deliveries select * replace ('old' as delivery_id) from intake.deliveries limit 1",
    )
    (world.data_dir / "restricted.duckdb.damaged-20130715T020000").touch()
    told = summary.finish(world, begun)
    assert told.data["ran"]["recovered"] == 1
    assert "damage:restricted.duckdb.damaged-20130715T020000" in {p["key"] for p in summary.problems(told.data)}
    assert "1 delivery of earlier runs" in _pages(told)[0]


# Dagster ---------------------------------------------------------------------------------------------------------------------


def _dagster(world, first, name=JOB) -> dg.ExecuteInProcessResult:
    """A job of two steps under the lock, as the night's job is, in this process."""

    @dg.resource
    def lock(context):
        try:
            with warehouse.run_lock(world), night.summed_up(world, context, JOB):
                yield None
        except warehouse.RunInProgress as error:
            night.locked_out(world, context, JOB, str(error))
            raise dg.Failure(str(error)) from error

    @dg.op(required_resource_keys={"lock"}, name="first")
    def one():
        first()

    @dg.op(required_resource_keys={"lock"}, ins={"after": dg.In(dg.Nothing)})
    def second():
        release.publish(world, log=lambda _: None)

    @dg.job(name=name, resource_defs={"lock": lock}, executor_def=dg.in_process_executor)
    def made():
        second(one())

    with dg.DagsterInstance.ephemeral() as instance:
        result = made.execute_in_process(instance=instance, raise_on_error=False)
        result.tags = instance.get_run_by_id(result.run_id).tags
        result.log = [e.user_message for e in instance.all_logs(result.run_id)]
    return result


def test_a_run_of_dagster_writes_the_summary_when_its_last_step_has_ended(world):
    result = _dagster(world, lambda: None)
    told = summary.told_of(world, result.run_id)
    assert result.success and told.is_fine
    assert [(s["name"], s["outcome"]) for s in told.data["ran"]["steps"]] == [("first", "done"), ("second", "done")]
    assert result.tags["outcomes/result"] == "published"


@pytest.mark.parametrize("error", [dg.Failure("The disk is full. Free some disk."), OSError("The disk is full. Free some disk.")])
def test_a_run_of_dagster_that_fails_half_way_writes_it_too_and_says_it_in_its_own_log(world, error):
    def broken():
        raise error

    result = _dagster(world, broken)
    told = summary.told_of(world, result.run_id)
    assert not result.success and told.data["result"] == "failed"
    assert [(f["step"], f["says"]) for f in told.data["failures"]] == [("first", "The disk is full. Free some disk.")]
    assert [(s["name"], s["outcome"]) for s in told.data["ran"]["steps"]] == [("first", "failed"), ("second", "did not run")]
    assert any("What to do" in (text or "") and str(told.folder) in text for text in result.log)


def test_a_run_of_dagster_that_is_refused_the_lock_writes_it_too(world):
    with warehouse.run_lock(world):
        result = _dagster(world, lambda: None)
    assert not result.success
    assert summary.told_of(world, result.run_id).data["result"] == "locked"


def test_a_run_of_another_job_under_the_same_lock_writes_no_summary(world):
    assert _dagster(world, lambda: None, name="by_hand").success
    assert summary.latest(world) is None


def test_outcomes_run_says_who_holds_the_lock_and_leaves_a_page(world, capsys):
    with warehouse.run_lock(world):
        assert not night.run_night(world)
    said = capsys.readouterr()
    assert "Another run is in progress" in said.err and "Failed in" in said.out
    assert "could not begin" in (summary.latest(world) / "summary.md").read_text()


def test_outcomes_run_says_what_it_could_not_even_read_and_leaves_a_page(world, capsys, monkeypatch):
    def unreadable(*_):
        raise ValueError("police.odcs.yaml: no such type. Write a known one.")

    monkeypatch.setattr(night, "_run_job", unreadable)
    assert not night.run_night(world)
    assert "police.odcs.yaml: no such type" in capsys.readouterr().err
    assert json.loads((summary.latest(world) / "summary.json").read_text())["result"] == "failed"


def test_outcomes_run_in_a_folder_that_cannot_be_written_says_so(world, capsys):
    (world.data_dir / "run.lock").mkdir()  # no lock can be written there, and no page either
    (world.data_dir / "nights").write_text("in the way")
    assert not night.run_night(world)
    said = capsys.readouterr().err
    assert "FAILED: reading the project" in said and "could not be written" in said


def test_outcomes_night_prints_the_latest_summary(world, monkeypatch):
    monkeypatch.setenv("OUTCOMES_HOME", str(world.home))
    before = CliRunner().invoke(cli.main, ["night"])
    assert before.exit_code == 1 and "outcomes run" in before.output
    told = _night(world)
    assert _pages(told)[0].strip() in CliRunner().invoke(cli.main, ["night"]).output
    assert str(told.folder) in CliRunner().invoke(cli.main, ["night", "--html"]).output


@pytest.mark.parametrize("is_cut", [False, True])
def test_the_page_says_whether_a_list_holds_every_record_and_how_to_get_the_rest(is_cut):
    fix = fixes.Fix(fixes.QUARANTINE, "north", "visits", "visits: required", 200_000, ["V1"], "Fill it.", is_cut=is_cut)
    said = " ".join(b for b in summary_pages._agency({"agency": "north", "fixes": [fix.to_dict()]}).blocks if isinstance(b, str))
    assert ("outcomes fixes north" in said) is is_cut and ("Every record" in said) is not is_cut

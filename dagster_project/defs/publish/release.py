"""The one asset that publishes. It validates exactly the tables it is about to write, so no way of running it skips the gate."""

import dagster as dg

from dagster_project import edge, release, suites
from dagster_project.defs.transform.dbt_models import dbt_models

ASSET = dg.AssetKey("published_release")


def _published_models() -> list[dg.AssetKey]:
    return sorted(key for key in dbt_models.keys if key.path[0] == "publish")


CHECKS = [
    dg.AssetCheckSpec(rule.id.replace("-", "_"), asset=ASSET, description=rule.says)
    for suite in suites.load_suites(edge.settings().suites_dir)
    for rule in suite.rules
]


@dg.multi_asset(
    name="publish_release",
    specs=[
        dg.AssetSpec(
            ASSET,
            deps=_published_models(),
            group_name="publish",
            owners=[edge.OWNER],
            kinds={"duckdb", "parquet", "csv"},
            description="A release under published/: safe aggregate tables, verdict, manifest; current points to it.",
        )
    ],
    check_specs=CHECKS,
    can_subset=True,  # so that a run may leave the checks out of its report; the gate is not among them
    required_resource_keys={"run_lock"},
)
def published_release(context: dg.AssetExecutionContext):
    """Publish, or say why not; the verdict is reported rule by rule either way."""
    outcome = release.publish(edge.settings(), log=lambda text: print(text, flush=True))
    reported = {key.name for key in context.selected_asset_check_keys}
    for result in outcome.verdict.results:
        if result.rule_id.replace("-", "_") not in reported:
            continue  # left out of this run, or written since its definitions were loaded; the gate has judged by it all the same
        yield dg.AssetCheckResult(
            asset_key=ASSET,
            passed=result.outcome in ("passed", "not_applicable"),
            check_name=result.rule_id.replace("-", "_"),
            severity=dg.AssetCheckSeverity.ERROR
            if result.severity == "block" and result.outcome != "waived"
            else dg.AssetCheckSeverity.WARN,
            metadata={
                "failing": result.numerator,
                "checked": result.denominator,
                "outcome": result.outcome,
                "note": result.note,
            },
        )
    if not outcome.is_published:
        raise dg.Failure(
            description=f"The release was refused; readers keep what they have. See {outcome.why}", allow_retries=False
        )
    yield dg.MaterializeResult(asset_key=ASSET, metadata={"release": outcome.release_id, "folder": str(outcome.folder)})

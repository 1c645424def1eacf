"""One component for every agency: an asset for each extract of each contract found, and nothing to write for a new one."""

from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

import dagster as dg

from .. import delivery_calendar, edge, intake
from ..contracts import Contracts, load_contracts
from ..receiving import Ahead

CALENDAR = dg.AssetKey(["indicators", "deliveries_due"])  # built last of what the calendar says
FOUND_WHOLE: set[str] = set()  # the run, if it has read every block of the database: once a night, not once an agency
AHEAD: dict[str, Ahead] = {}  # of the run: while the last file of an agency lands, the first of the next one is received


class AgencyExtracts(dg.Component, dg.Model, dg.Resolvable):
    """Assets for the extracts of every contract in ``expectations/contracts``: landing folder in, raw tables out."""

    def build_defs(self, context: dg.ComponentLoadContext) -> dg.Definitions:
        """One multi-asset per agency, one asset and two checks per extract."""
        settings = edge.settings()
        contracts = load_contracts(settings.contracts_dir, settings.seeds_dir)
        return dg.Definitions(
            assets=[_agency_assets(contracts, agency) for agency in contracts.agencies],
            asset_checks=[_calendar_checks(contracts)],
        )


def _agency_assets(contracts: Contracts, agency: str) -> dg.AssetsDefinition:
    extracts = [e for e in contracts.extracts if e.agency == agency]
    specs = [
        dg.AssetSpec(
            [agency, e.name],
            group_name="intake",
            owners=[edge.OWNER],
            description=f"{e.description} As {agency} sent it: text, by delivery, append-only. Bad rows are in quarantine.",
            kinds={"duckdb", "csv"},
            metadata={
                "contract": f"expectations/contracts/{agency}.odcs.yaml",
                "dagster/column_schema": dg.TableSchema(
                    [dg.TableColumn(c.name, c.type, description=c.description) for c in e.columns]
                ),
            },
        )
        for e in extracts
    ]
    checks = [
        dg.AssetCheckSpec(
            "keeps_its_contract", asset=[agency, e.name], description="Every waiting file was accepted under the contract."
        )
        for e in extracts
    ]

    @dg.multi_asset(name=f"{agency}_intake", specs=specs, check_specs=checks, required_resource_keys={"run_lock"})
    def take_in(context: dg.AssetExecutionContext):
        settings = edge.settings()
        is_whole = context.run_id in FOUND_WHOLE
        FOUND_WHOLE.clear()  # whatever goes wrong from here on, the next agency of the run looks again
        ahead = AHEAD.get(context.run_id) or Ahead(contracts)
        AHEAD.clear()
        then = contracts.agencies[contracts.agencies.index(agency) + 1 :] if context.job_name == edge.JOB else []
        reports = intake.land_all(settings, contracts, agency, is_whole=is_whole, ahead=ahead, then=then)
        AHEAD[context.run_id] = ahead
        FOUND_WHOLE.add(context.run_id)
        for report in reports:
            for message in report.messages:
                context.log.warning(message)
        lost = [r for r in reports if r.extract is None]
        with intake.connect(settings, settings.restricted_db) as con:
            for e in extracts:
                own = [r for r in reports if r.extract is e]
                rows = con.execute(f"select count(*) from raw.{e.table}").fetchone()[0]
                deliveries = con.execute(
                    "select count(*) from intake.deliveries where agency = ? and extract = ? and status <> ?",
                    [agency, e.name, intake.REFUSED],
                ).fetchone()[0]
                yield dg.MaterializeResult(
                    asset_key=[agency, e.name],
                    metadata={
                        "dagster/row_count": rows,
                        "deliveries": deliveries,
                        "taken tonight": sum(r.accepted_count for r in own if r.status != intake.REPLAY),
                        "quarantined tonight": sum(r.quarantined_count for r in own),
                        "files": dg.MetadataValue.md("\n".join(f"- {r.headline}" for r in own + lost) or "no file waiting"),
                    },
                )
        for e in extracts:
            refused = [r for r in reports if r.status == intake.REFUSED and r.extract in (e, None)]
            yield dg.AssetCheckResult(
                passed=not refused,
                asset_key=[agency, e.name],
                check_name="keeps_its_contract",
                severity=dg.AssetCheckSeverity.WARN,
                metadata={"refused": dg.MetadataValue.md("\n".join(f"- {m}" for r in refused for m in r.messages) or "none")},
            )

    return take_in


def _calendar_checks(contracts: Contracts) -> dg.AssetChecksDefinition:
    """One check per extract: is its delivery here by its day? Asked after the build, of the calendar that the build made.

    Dagster's own freshness policies go by when an asset was last materialised, which is every night, whether files came or not.
    """
    specs = [
        dg.AssetCheckSpec(
            "delivered_on_time",
            asset=[e.agency, e.name],
            additional_deps=[CALENDAR],
            description="The delivery that was due by the contract's service levels has come.",
        )
        for e in contracts.extracts
        if e.service
    ]

    @dg.multi_asset_check(name="delivery_calendar", specs=specs, can_subset=True)
    def ask_the_calendar(context: dg.AssetCheckExecutionContext):
        asked = {key.asset_key for key in context.selected_asset_check_keys}
        for delivery in delivery_calendar.deliveries_due(edge.settings()):
            key = dg.AssetKey([delivery.agency, delivery.extract])
            if key in asked:
                yield dg.AssetCheckResult(
                    passed=delivery.status == delivery_calendar.ON_TIME,
                    asset_key=key,
                    check_name="delivered_on_time",
                    severity=dg.AssetCheckSeverity.WARN,
                    description=delivery.says,
                    metadata=_freshness(delivery),
                )

    return ask_the_calendar


def _freshness(delivery: delivery_calendar.Delivery) -> dict:
    """Status and days, and what is known of freshness under the names that Dagster's own checks use."""
    found: dict = {"status": delivery.status}
    if delivery.due_date:
        end_of_due_date = datetime.combine(delivery.due_date + timedelta(days=1), time(), ZoneInfo("Europe/London"))
        received = delivery.latest_received_at.replace(tzinfo=UTC)
        found |= {
            "due date": delivery.due_date.isoformat(),
            "days late": delivery.days_late,
            "carried forward until": delivery.carry_forward_until.isoformat(),
            "latest extract date": delivery.latest_extract_date.isoformat(),
            "dagster/last_updated_timestamp": dg.MetadataValue.timestamp(received),
            "dagster/fresh_until_timestamp": dg.MetadataValue.timestamp(end_of_due_date),
        }
    return found

"""The promises of an assurance driver, for the conformance suite."""

from collections.abc import Awaitable, Mapping
from datetime import timedelta
from typing import Any, Final

from connectors.assurance.port import Outage
from connectors.conformance.promises import AskWindow, Listed, Promises, Test, by_own_id, by_parent_key
from connectors.records import Fields, Window


def _outages(**more: Any) -> AskWindow:
    def ask(driver: Any, window: Window, fields: Fields | None) -> Awaitable[Any]:
        given: Awaitable[Any] = driver.outage_list(window, fields, **{"is_open": None, **more})
        return given

    return ask


def _outage_conditions(row: Outage) -> Mapping[str, tuple[AskWindow, Test]]:
    """Open outages, ended ones, and those that began within a day from the row's start."""
    found: dict[str, tuple[AskWindow, Test]] = {
        "is_open=True": (_outages(is_open=True), lambda one: bool(one.is_open)),
        "is_open=False": (_outages(is_open=False), lambda one: not one.is_open),
    }
    if row.started_at is not None:
        since, until = row.started_at, row.started_at + timedelta(days=1)
        within: Test = lambda one: one.started_at is not None and since <= one.started_at < until  # noqa: E731  # typed
        found[f"since={since.isoformat()}, until a day later"] = (_outages(since=since, until=until), within)
    return found


ASSURANCE: Final = Promises(
    methods=(
        Listed("outage_list", Outage, _outages(), "-started_at", conditions=_outage_conditions),
        by_own_id("outages", "outage", Outage),
        by_parent_key("open_outages_of_services", "service", Outage, "service_ids", ""),
        by_parent_key("open_outages_of_resources", "resource", Outage, "resource_ids", ""),
    ),
    kinds={Outage: "outage"},
)

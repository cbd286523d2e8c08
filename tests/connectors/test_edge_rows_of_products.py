"""Every attribute in the products' recorded answers takes values at the edge of its type.

Nothing but a `ConnectorError` leaves a driver then, and what it makes of the rows can be shown.
"""

import asyncio
import random
from collections.abc import Mapping
from datetime import date, datetime
from decimal import Decimal
from typing import Any

import aiohttp
import msgspec
import pytest

from connectors import DOMAINS
from connectors.conformance.promises import Keyed, Listed, Searched
from connectors.conformance.samples import collect_samples
from connectors.conformance.trial import Trial
from connectors.errors import ConnectorError
from connectors.http.client import HttpClient
from connectors.records import Window
from connectors.settings import System
from tests.connectors.conformance.conforming import conversing
from tests.connectors.conformance.test_conformance import PRODUCTS
from tests.edges import JSON_EDGES, TIMES, Place, paths, with_edge


def shown(value: Any) -> None:
    """Write a value as the graph does. Raises what that raises."""
    match value:
        case str():
            value.encode()
        case bool() | None:
            pass
        case int():
            assert -(2**31) <= value < 2**31, value
        case Decimal():
            assert value.is_finite()
            float(value)
        case datetime() | date():
            value.isoformat()
        case msgspec.Struct():
            for name in value.__struct_fields__:
                shown(getattr(value, name))
        case Mapping():
            for one in value.items():
                shown(one)
        case list() | tuple() | frozenset():
            for one in value:
                shown(one)


class Watched(Trial):
    """Notes what is no `ConnectorError`."""

    unexpected: list[str]
    has_answered: bool

    async def attempt(self, call: Any) -> Any:
        outcome = await super().attempt(call)
        if outcome.error is not None and not isinstance(outcome.error, ConnectorError):
            self.unexpected.append(repr(outcome.error))
        else:
            shown(outcome.value)
            self.has_answered |= bool(outcome.value)
        return outcome


async def ask_everything(trial: Watched) -> None:
    """Every method of the port, with the keys that the system's lists and the recording know."""
    await collect_samples(trial)
    for method in trial.promises.methods:
        if trial.is_unsupported(method):
            continue
        match method:
            case Listed():
                await trial.attempt(lambda m=method: m.ask(trial.driver, Window(0, 20), None))
            case Searched():
                texts = [one.id for rows in trial.samples.values() for one in list(rows.values())[:1]]
                for text in texts[:2]:
                    await trial.attempt(lambda m=method, t=text: m.ask(trial.driver, t, Window(0, 20), None))
            case Keyed():
                keys = list(trial.keys.get(method.kind, ()))[:3]
                if keys:
                    await trial.attempt(lambda m=method, k=keys: m.ask(trial.driver, k, None, None))


@pytest.mark.parametrize("name", PRODUCTS)
async def test_no_value_of_any_attribute_is_an_unexpected_error(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    domain, scheme, keys = PRODUCTS[name]
    chosen, tried, answered = random.Random(f"{name} {TIMES}"), 0, 0
    unexpected: list[str] = []
    async with conversing(name, scheme) as (conversation, address), aiohttp.ClientSession() as session:
        auth = {"kind": "api_key", "header": "Authorization", "key": conversation.token}
        system = System.model_validate({"url": address, "timeout": 20, "auth": auth, "max_rows": 20_000})
        driver = DOMAINS[domain].drivers[name]

        def build(one: System) -> Any:
            return driver.connect(HttpClient(domain, one, session))

        recorded = {key: one for key, one in conversation.answers.items() if "json" in one and one["status"] < 300}
        places: list[Place] = sorted({path for one in recorded.values() for path in paths(one["json"])})
        edges = [(path, raw) for path in places for raw in JSON_EDGES]
        if TIMES == 1:
            edges = chosen.sample(edges, 10)
        for path, raw in edges:
            tried += 1
            conversation.answers = {
                **conversation.answers,
                **{
                    key: {
                        "status": one["status"],
                        "type": one["type"],
                        "text": with_edge(one["json"], path, raw).decode(),
                    }
                    for key, one in recorded.items()
                },
            }
            trial = Watched(domain, DOMAINS[domain].promises, build(system), system, build, 2, given=keys)
            trial.unexpected, trial.has_answered = [], False
            async with asyncio.timeout(60):
                await ask_everything(trial)
            answered += trial.has_answered
            unexpected += [f"{'.'.join(path)} = {raw[:60]}: {one}" for one in trial.unexpected]
    assert unexpected == []
    assert len(places) > 20
    assert answered > tried / 4
    if TIMES > 1:
        with capsys.disabled():
            print(f"\n{name}: {len(places)} places in rows, {tried} values, nothing unexpected")

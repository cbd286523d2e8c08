"""Learns what changes in all systems, and tells it to all processes of the gateway, for as long as this one runs.

One process at a time polls the systems, follows their streams and registers at their hubs. Any takes what they post.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Coroutine, Mapping, Sequence
from contextlib import suppress
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING, Any, Final, TypeVar

from connectors.errors import ConnectorError, NotConfigured, NotSupported
from connectors.events.hints import Hint, Source
from connectors.events.hubs import HubListener
from connectors.events.polling import Poller
from connectors.events.post import Mailbox, Posted, Sender
from connectors.events.settings import EventSource
from connectors.events.streams import StreamFollower
from connectors.secret_files import Secret

if TYPE_CHECKING:
    from connectors import Connectors
    from connectors.store.events import EventStream

T = TypeVar("T")

logger = logging.getLogger("gateway.events")

LEASE: Final = 6.0
"""Seconds after which another process takes over from one that says nothing."""

RENEWAL: Final = 60.0
"""Seconds between two registrations at a hub, which may have lost the one before."""

OVERLAP: Final = 10.0
"""Seconds before the last change that was told from which a poll asks, besides those of the setting `reads_after`."""

_NAME: Final = "listening"
_MOST_WAITING: Final = 10_000
"""Hints of posted events that wait to be told."""

_FORGIVES: Final = 5.0
"""Seconds for giving up the registrations at the end."""


class Listening:
    """Polls, hubs and posted events of all systems.

    `connectors` are asked with the gateway's own credentials (`connectors.events.credentials.own_credentials`). A
    system without a section in `sources` is polled by the defaults. `changes` are the ports' methods that tell what
    changed, by domain and type (`Domain.changes`).
    """

    def __init__(
        self,
        connectors: "Connectors",
        changes: Mapping[str, Mapping[str, str]],
        sources: Mapping[str, EventSource],
        stream: "EventStream",
        *,
        callback_url: str | None = None,
        not_followed: Mapping[str, str] | None = None,
        lease: float = LEASE,
        renewal: float = RENEWAL,
    ) -> None:
        """`not_followed`: domains that are neither polled nor registered at, with reasons."""
        self.not_followed = dict(not_followed or {})
        self._stream, self._lease, self._renewal = stream, lease, renewal
        self._waiting: asyncio.Queue[Hint] = asyncio.Queue(_MOST_WAITING)
        self._systems: list[_Followed] = []
        senders: dict[str, Sender] = {}
        for system in connectors.systems:
            source, driver = sources.get(system.domain, EventSource()), system.probe
            speaking = [one for one in system.drivers.values() if getattr(one, "events", None) is not None]
            speaks = speaking[0].events if speaking else None
            telling = getattr(speaking[0], "telling", None) if speaking else None
            if speaks is not None and telling is not None and (source.secret or source.secret_file):
                elsewhere = {kind for name, kinds in changes.items() if name not in system.drivers for kind in kinds}
                senders[system.domain] = Sender(system.domain, telling, speaks, source, elsewhere)
            if system.domain in self.not_followed:
                continue
            overlap = timedelta(seconds=OVERLAP + driver.http.system.reads_after)
            pollers = [
                Poller(system.domain, kind, getattr(getattr(connectors, domain), method), overlap)
                for domain in system.drivers
                for kind, method in changes.get(domain, {}).items()
                if source.poll
            ]
            hubs = []
            if source.hub and callback_url is not None and speaks is not None:
                callback = partial(_callback, callback_url, system.domain, source.secret_named("secret"))
                named = {hub.path: hub for one in speaking for hub in one.events.hubs}
                hubs = [HubListener(driver.http, hub, callback) for hub in named.values()]
            followed = _Followed(source.poll, pollers, hubs)
            follows = [one.follow for one in system.drivers.values() if source.stream and hasattr(one, "follow")]
            followed.streams = [StreamFollower(system.domain, one, followed.is_due.set) for one in follows]
            self._systems.append(followed)
        self._mailbox = Mailbox(senders)
        self._running: set[asyncio.Task[None]] = set()
        self._leading: set[asyncio.Task[None]] = set()
        self.is_leading = False
        self.has_begun = asyncio.Event()
        """Set once every system has said when its last change was: what changes from then on is told."""

    def start(self) -> None:
        """Begin. Systems that are away are asked until they are back."""
        for work in (self._tell(), self._lead(), self._begin()):
            _spawn(work, self._running)

    async def close(self) -> None:
        """End, give up what is registered, and let another process lead."""
        await _end(self._running)
        await self._stop_leading(forgets=False)
        if not self._waiting.empty():
            await self._stream.publish(self._all_waiting(self._waiting.get_nowait()))

    def post(self, domain: str, secret: str | None, headers: Mapping[str, str], body: bytes) -> Posted | None:
        """Take an event that a system posted, to be told at once; None where too many wait. Nothing is waited for."""
        if self._waiting.full():
            return None
        posted = self._mailbox.read(domain, secret, headers, body)
        for hint in posted.hints:
            if not self._waiting.full():
                self._waiting.put_nowait(hint)
        return posted

    @property
    def mailbox(self) -> Mailbox:
        """Which systems may post."""
        return self._mailbox

    def heard(self, hints: Sequence[Hint]) -> None:
        """Take notice of what the stream told, by whichever process: it need not be told again by this one."""
        newest: dict[tuple[str, str], float] = {}
        for hint in hints:
            if hint.source is Source.POLL:
                key = hint.domain, hint.type
                newest[key] = max(newest.get(key, hint.at), hint.at)
        for poller in self._pollers if newest else ():
            if (at := newest.get((poller.domain, poller.kind))) is not None:
                poller.heard(at)

    async def catch_up(self, back: float = 0.0) -> tuple[list[Hint], list[str]]:
        """After a gap in the stream: what changed since, for this process only, and the domains that did not answer.

        To be called before `heard` is told what came after the gap, and again until all domains have answered. `back`:
        seconds by which the gap began before what `heard` was told last.
        """
        for poller in self._pollers:
            poller.miss(timedelta(seconds=back))
        found: list[Hint] = []
        failed: dict[str, None] = {}
        for poller in self._pollers:
            try:
                found += await poller.catch_up()
            except (NotSupported, NotConfigured):
                continue
            except ConnectorError as failure:
                logger.info("%s could not be asked what changed during a gap: %s", poller.domain, failure)
                failed[poller.domain] = None
        return found, [*failed]

    @property
    def _pollers(self) -> list[Poller]:
        return [poller for system in self._systems for poller in system.pollers]

    async def _tell(self) -> None:
        """Publish what systems post, after they were answered."""
        while True:
            await self._stream.publish(self._all_waiting(await self._waiting.get()))

    def _all_waiting(self, first: Hint) -> list[Hint]:
        found = [first]
        while not self._waiting.empty():
            found.append(self._waiting.get_nowait())
        return found

    async def _begin(self) -> None:
        await asyncio.gather(*(self._begin_with(system) for system in self._systems))
        self.has_begun.set()

    async def _begin_with(self, system: "_Followed") -> None:
        """Learn when the last changes were, so that this process can take over, or catch up after a gap."""
        for poller in system.pollers:
            while True:
                if await system.tried(poller, poller.begin):
                    break
                await asyncio.sleep(system.interval)

    async def _lead(self) -> None:
        while True:
            leads = await self._stream.lead(_NAME, self._lease)
            if leads and not self.is_leading:
                self.is_leading = True
                for system in self._systems:
                    for poller in system.pollers:
                        _spawn(self._poll(system, poller), self._leading)
                    if system.hubs:
                        _spawn(self._register(system), self._leading)
                    for stream in system.streams:
                        _spawn(stream.run(self._stream.publish), self._leading)
            elif not leads and self.is_leading:
                await self._stop_leading(forgets=True)
            await asyncio.sleep(self._lease / 3)

    async def _stop_leading(self, *, forgets: bool) -> None:
        """`forgets`: another process leads already, and registers with the same callback."""
        await _end(self._leading)
        if not self.is_leading:
            return
        self.is_leading = False
        hubs = [hub for system in self._systems for hub in system.hubs]
        if forgets:
            for hub in hubs:
                hub.forget()
            return
        try:
            async with asyncio.timeout(_FORGIVES):
                await asyncio.gather(*(hub.unregister() for hub in hubs))
        except TimeoutError:
            logger.warning("not all hubs could be told in time that this gateway ends")
        await self._stream.step_down(_NAME)

    async def _poll(self, system: "_Followed", poller: Poller) -> None:
        while True:

            async def poll() -> None:
                await self._stream.publish(await poller.poll())

            await system.tried(poller, poll)
            if poller.kind in system.lacking:
                return
            await system.next_poll()

    async def _register(self, system: "_Followed") -> None:
        """Register, and again and again, at once when the system is back."""
        while True:
            system.is_back.clear()
            done = await asyncio.gather(*(hub.register() for hub in system.hubs))
            try:
                async with asyncio.timeout(self._renewal if all(done) else min(self._renewal, LEASE)):
                    await system.is_back.wait()
            except TimeoutError:
                continue


class _Followed:
    """One system: how often it is polled, for what, where the gateway registers, and which streams it follows."""

    def __init__(self, interval: float, pollers: Sequence[Poller], hubs: Sequence[HubListener]) -> None:
        self.interval, self.pollers, self.hubs = interval, pollers, hubs
        self.streams: Sequence[StreamFollower] = ()
        self.lacking: set[str] = set()
        self.is_back, self.is_due = asyncio.Event(), asyncio.Event()
        self._away: set[str] = set()

    async def next_poll(self) -> None:
        """Wait until it is to be polled: after `interval`, or when a stream has begun and may have missed something."""
        with suppress(TimeoutError):
            async with asyncio.timeout(self.interval):
                await self.is_due.wait()
        self.is_due.clear()

    async def tried(self, poller: Poller, ask: Callable[[], Awaitable[Any]]) -> bool:
        """Whether asking need not be repeated. A failure is logged once, and so is its end."""
        kind = poller.kind
        try:
            await ask()
        except (NotSupported, NotConfigured) as reason:
            if kind not in self.lacking:
                self.lacking.add(kind)
                logger.info("%s: a %s that changes is not polled for: %s", poller.domain, kind, reason.detail)
            return True
        except ConnectorError as failure:
            if kind not in self._away:
                self._away.add(kind)
                logger.warning("%s cannot be asked what changed (%s): %s", poller.domain, kind, failure)
            return False
        except Exception:
            if kind not in self._away:
                self._away.add(kind)
                logger.exception("%s: the driver failed when it was asked what changed (%s)", poller.domain, kind)
            return False
        if kind in self._away:
            self._away.remove(kind)
            logger.info("%s tells again what changed (%s)", poller.domain, kind)
            self.is_back.set()
        return True


def _callback(url: str, domain: str, secret: Secret) -> str:
    return f"{url.rstrip('/')}/events/{domain}/{secret.text}"


def _spawn(work: Coroutine[Any, Any, None], tasks: "set[asyncio.Task[None]]") -> None:
    task = asyncio.get_running_loop().create_task(work)
    tasks.add(task)
    task.add_done_callback(_ended)


def _ended(task: "asyncio.Task[None]") -> None:
    if not task.cancelled() and (error := task.exception()) is not None:
        logger.error("a part of the gateway that follows changes ended", exc_info=error)


async def _end(tasks: "set[asyncio.Task[None]]") -> None:
    ending = [*tasks]
    tasks.clear()
    for task in ending:
        task.cancel()
    await asyncio.gather(*ending, return_exceptions=True)

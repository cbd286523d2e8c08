"""Settings that are read again while a single process serves, at SIGHUP: no request fails, and the process stays.

A second application is made beside the first, and gets all connections from then on. The first one answers what is
under way, and ends. Where there are several workers they are replaced instead (`gateway.commands.workers`).
"""

import asyncio
import gc
import logging
import signal
from collections.abc import Callable
from socket import socket
from typing import Final, cast

from uvicorn.lifespan.on import LifespanOn

from gateway.commands.ending import LeavingConfig, LeavingServer
from gateway.http.server import Protocols
from gateway.http.write_coalescing import HttpProtocol

_TICK: Final = 0.1
"""Seconds between two looks at whether the connections of the first application are gone."""

_log: Final = logging.getLogger("gateway.serve")


class NotReloadedError(Exception):
    """The settings from before stay. The text says why, in one line."""


class ReloadingServer(LeavingServer):
    """Makes its configuration anew at SIGHUP, where that is possible."""

    def __init__(self, config: LeavingConfig, again: Callable[[], LeavingConfig]) -> None:
        """`again` makes a configuration with its application. It raises NotReloadedError where there can be none."""
        super().__init__(config)
        self._again = again
        self._reloading: asyncio.Task[None] | None = None
        self._ending: asyncio.Task[None] | None = None
        """Of the application before, whose writes under way are waited for."""
        self._is_asked_early = False

    async def startup(self, sockets: list[socket] | None = None) -> None:
        """Start, and look out for SIGHUP."""
        asyncio.get_running_loop().add_signal_handler(signal.SIGHUP, self._reload_soon)
        await super().startup(sockets)
        if self._is_asked_early:
            self._reload_soon()

    async def shutdown(self, sockets: list[socket] | None = None) -> None:
        """End, and read nothing any more. An application that was replaced a moment ago ends, too."""
        asyncio.get_running_loop().remove_signal_handler(signal.SIGHUP)
        signal.signal(signal.SIGHUP, signal.SIG_IGN)
        if self._reloading is not None:
            self._reloading.cancel()
        await super().shutdown(sockets)
        if self._ending is not None:
            await self._ending

    def _reload_soon(self) -> None:
        if not self.started:
            self._is_asked_early = True
            return
        if self._reloading is not None and not self._reloading.done():
            _log.warning("SIGHUP: the settings are being read already")
            return
        self._reloading = asyncio.get_running_loop().create_task(self._reload_logged())

    async def _reload_logged(self) -> None:
        try:
            await self._reload()
        except Exception:  # noqa: BLE001 - whatever it is, the gateway serves on with the settings from before
            _log.exception("SIGHUP: the settings were not read again")

    async def _reload(self) -> None:
        try:
            config = await asyncio.to_thread(self._again)
        except NotReloadedError as error:
            _log.error("SIGHUP: %s", error)
            return
        lifespan = LifespanOn(config)
        await lifespan.startup()
        if lifespan.should_exit:
            _log.error("SIGHUP: the gateway cannot begin with the settings as they are now, and those before stay")
            return
        before, former = cast(LeavingConfig, self.config), cast(LifespanOn, self.lifespan)
        self.config, self.lifespan = config, lifespan
        cast(Protocols, before.http).hand_over(cast(Protocols, config.http), config=config, app_state=lifespan.state)
        _log.info("SIGHUP: the settings as they are now are those of all new connections")
        self._ending = asyncio.get_running_loop().create_task(self._end(before, former))
        await asyncio.shield(self._ending)

    async def _end(self, config: LeavingConfig, lifespan: LifespanOn) -> None:
        """Let what the application before has under way come to its end, and end it."""
        loop = asyncio.get_running_loop()
        mine = [one for one in self.server_state.connections if one.config is config]
        for one in mine:
            if not isinstance(one, HttpProtocol) or one.is_answering:
                one.shutdown()  # others may be asked at this moment, and close with their answer
        until = loop.time() + (config.timeout_graceful_shutdown or 0)
        while loop.time() < until and not self.server_state.connections.isdisjoint(mine):  # noqa: ASYNC110 - uvicorn's set
            await asyncio.sleep(_TICK)
        for one in self.server_state.connections.intersection(mine):
            one.transport.abort()
        await lifespan.shutdown()
        gc.unfreeze()  # what the application before was made of was not looked at any more
        gc.collect()
        gc.freeze()

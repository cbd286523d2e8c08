"""An operation that comes over an open connection, and starts when the process bears it."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from gateway.http.admission import Admission, OverloadedError


@asynccontextmanager
async def admitted(admission: Admission, address: str) -> AsyncIterator[None]:
    """Wait until it may start, and count it until its end. Raises OverloadedError."""
    if not admission.enter():
        await _waited(admission, address)
    try:
        yield
    finally:
        admission.leave()


async def _waited(admission: Admission, address: str) -> None:
    waiting = _Waiting(admission)
    admission.wait(waiting, address)
    try:
        await waiting.let_in
    except asyncio.CancelledError:
        if waiting.let_in.cancelled():
            admission.forget(waiting, address)
        else:  # let in at this very moment
            admission.leave()
        raise


class _Waiting:
    def __init__(self, admission: Admission) -> None:
        self._admission = admission
        self.let_in: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def start(self) -> None:
        """Begin."""
        if self.let_in.done():  # its client has gone, which its task does not know yet
            self._admission.leave()
        else:
            self.let_in.set_result(None)

    def refuse(self) -> None:
        """Answer that the gateway is overloaded."""
        if not self.let_in.done():
            self.let_in.set_exception(OverloadedError())

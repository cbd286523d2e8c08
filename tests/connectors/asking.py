"""The drivers, for tests that compare values: a failure in the place of a record fails the comparison all the same."""

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from typing import Any

from tests import systems

connected: Callable[..., AbstractAsyncContextManager[Any]] = systems.connected
"""As `tests.systems.connected`, with answers of any type."""

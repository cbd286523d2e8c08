"""Reads that a write needs before it is sent: what fails there has surely not happened."""

from collections.abc import Iterator
from contextlib import contextmanager

from connectors.errors import ConnectorError


@contextmanager
def nothing_sent() -> Iterator[None]:
    """Within it nothing is written yet: a failure that is raised says that the write has not happened."""
    try:
        yield
    except ConnectorError as failure:
        failure.may_have_happened = False
        raise

"""A cluster, and a primary with a Sentinel, for all tests of the stores: started when the first one wants them."""

from collections.abc import Iterator

import pytest

from tests.connectors.store.servers import Servers, cluster, sentinels


@pytest.fixture(scope="session")
def clustered(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Servers]:
    """Three primaries."""
    with cluster(tmp_path_factory.mktemp("cluster")) as servers:
        yield servers


@pytest.fixture(scope="session")
def watched(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Servers]:
    """A primary and its replica, watched by one Sentinel."""
    with sentinels(tmp_path_factory.mktemp("sentinel")) as servers:
        yield servers

"""Headers that are looked up say what Starlette's own do."""

import pytest
from starlette.datastructures import Headers
from starlette.types import Message

from gateway.http.headers import IndexedHeaders, IndexedRequest

RAW = [(b"accept", b"text/html"), (b"x-name", "é".encode("latin-1")), (b"accept", b"*/*")]
SCOPE = {"type": "http", "method": "GET", "headers": RAW}


@pytest.mark.parametrize("name", ["accept", "Accept", "X-NAME", "absent"])
def test_they_say_what_starlettes_say(name: str) -> None:
    indexed, plain = IndexedHeaders(dict(SCOPE)), Headers(raw=RAW)
    assert indexed.get(name) == plain.get(name)
    assert indexed.get(name, "default") == plain.get(name, "default")
    assert indexed.getlist(name) == plain.getlist(name)
    assert (name in indexed) == (name in plain)
    if name in plain:
        assert indexed[name] == plain[name]
    else:
        with pytest.raises(KeyError, match=name):
            indexed[name]


async def _nothing() -> Message:
    raise AssertionError


def test_a_request_has_them() -> None:
    request = IndexedRequest(dict(SCOPE), _nothing)
    assert isinstance(request.headers, IndexedHeaders)
    assert request.headers is request.headers
    assert list(request.headers.items()) == list(Headers(raw=RAW).items())

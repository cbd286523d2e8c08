"""Headers that are looked up say what Starlette's own do."""

import pytest
from starlette.datastructures import Headers
from starlette.types import Message

from gateway.http.headers import QuickHeaders, QuickRequest

RAW = [(b"accept", b"text/html"), (b"x-name", "é".encode("latin-1")), (b"accept", b"*/*")]
SCOPE = {"type": "http", "headers": RAW}


@pytest.mark.parametrize("name", ["accept", "Accept", "X-NAME", "absent"])
def test_they_say_what_starlettes_say(name: str) -> None:
    quick, plain = QuickHeaders(dict(SCOPE)), Headers(raw=RAW)
    assert quick.get(name) == plain.get(name)
    assert quick.get(name, "default") == plain.get(name, "default")
    assert quick.getlist(name) == plain.getlist(name)
    assert (name in quick) == (name in plain)
    if name in plain:
        assert quick[name] == plain[name]
    else:
        with pytest.raises(KeyError, match=name):
            quick[name]


async def _nothing() -> Message:
    raise AssertionError


def test_a_request_has_them() -> None:
    request = QuickRequest(dict(SCOPE), _nothing)
    assert isinstance(request.headers, QuickHeaders)
    assert request.headers is request.headers
    assert list(request.headers.items()) == list(Headers(raw=RAW).items())

"""`gateway events`: follows, on the terminal, what a running gateway hears of the systems."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Collection
from datetime import UTC, datetime
from typing import Any, Final
from urllib.parse import urlsplit

import aiohttp
import orjson
from pydantic import TypeAdapter, ValidationError

from connectors.texts import BaseAddress, BearerToken, names_a_user
from gateway.commands.demo_keys import DemoKeys, NoDemoError, key_path
from resolvers.viewer import ViewerKind

SILENCE: Final = 60.0
"""Seconds without even a comment after which the connection counts as cut."""

PAUSE: Final = 2.0
"""Seconds before it is followed again, after the gateway ended the stream or was away."""

_AN_HOUR: Final = 3600.0

_ADDRESS: Final = TypeAdapter[str](BaseAddress)
_TOKEN: Final = TypeAdapter[str](BearerToken)

Event = tuple[str, dict[str, Any]]
"""Kind and data of an event of `GET /events`."""


class NotFollowed(Exception):
    """The events cannot be followed; the text says why, and what to do."""


def usable(url: str, token: str | None) -> tuple[str, str | None]:
    """The address and the token as they can be sent. Raises NotFollowed, which names the option."""
    if names_a_user(url := _checked("--url", _ADDRESS, url)):
        raise NotFollowed("--url: should be an address without user name and password: the token is sent")
    return url, _checked("--token", _TOKEN, token) if token else None


def _checked(option: str, kind: TypeAdapter[str], given: str) -> str:
    try:
        return kind.validate_python(given)
    except ValidationError as error:  # whose own text would show the token
        why = error.errors(include_url=False, include_input=False)[0]["msg"].removeprefix("Value error, ")
        raise NotFollowed(f"{option}: {why}") from None


def demo_token(url: str) -> str:
    """An agent's token for the demo that listens on the URL's port. Raises NotFollowed if there is none."""
    port = urlsplit(url).port or 80
    try:
        return DemoKeys.load(key_path(port)).token(ViewerKind.AGENT)
    except NoDemoError as error:
        raise NotFollowed(
            f"No demo's key is there for port {port}, so a token is needed: give an agent's or an admin's with --token."
        ) from error


async def follow(
    url: str, token: str, show: Callable[[Event], None], note: Callable[[str], None], pause: float = PAUSE
) -> None:
    """Show each event for ever; `note` is told in between what happens to the connection. Raises NotFollowed."""
    address = f"{url.rstrip('/').removesuffix('/graphql')}/events"
    headers = {"Authorization": f"Bearer {token}", "Accept": "text/event-stream"}
    timeout = aiohttp.ClientTimeout(total=None, connect=10, sock_read=SILENCE)
    was_connected = False
    async with aiohttp.ClientSession(timeout=timeout, headers=headers) as session:
        while True:
            try:
                async with session.get(address, allow_redirects=False) as answer:
                    await _check(answer, address)
                    was_connected = True
                    note(f"Following {address}. Ctrl-C ends it.")
                    async for kind, data in _events(answer.content):
                        if kind == "end":
                            note(data["message"])
                        else:
                            show((kind, data))
                note("The gateway ended the stream.")
            except (aiohttp.ClientError, TimeoutError, OSError) as error:
                if not was_connected:
                    message = f"Nothing answers at {address}: is the gateway running, and is --url right? ({error})"
                    raise NotFollowed(message) from error
                note(f"The connection is lost: {error or 'nothing was heard for too long'}")
            await asyncio.sleep(pause)


def line(event: Event) -> str:
    """An event for people, with the time when it was heard."""
    kind, data = event
    heard = datetime.fromtimestamp(data["at"] + data.get("lag", 0), UTC).astimezone().strftime("%H:%M:%S.%f")[:-3]
    if kind == "refused":
        return f"{heard}  {data['domain']:<9}  refused: {data['outcome']}"
    thing = f"{data['type']}:{data['id']}" if data["type"] else "(it does not say what)"
    return (
        f"{heard}  {data['domain']:<9}  {thing:<28}  {data['change']:<7}  by {data['source']:<7}  {_late(data['lag'])}"
    )


def _late(lag: float) -> str:
    if abs(lag) < _AN_HOUR:
        return f"{lag:.1f} s after it happened"
    return f"its clock is {abs(lag) / _AN_HOUR:.0f} h {'behind' if lag > 0 else 'ahead'}, or it comes late"


def json_line(event: Event) -> str:
    """An event for programs."""
    kind, data = event
    return json.dumps({"event": kind, **data})


def is_wanted(event: Event, domains: Collection[str]) -> bool:
    """Whether it is of one of the domains; none stand for all."""
    return not domains or event[1].get("domain") in domains


async def _check(answer: aiohttp.ClientResponse, address: str) -> None:
    """Raise NotFollowed unless it is a stream of events."""
    if answer.status == 200 and answer.content_type == "text/event-stream":
        return
    body = await answer.read()
    try:
        said = orjson.loads(body)["errors"][0]["message"]
    except (orjson.JSONDecodeError, KeyError, IndexError, TypeError):
        raise NotFollowed(
            f"{address} answered {answer.status} with something that is no gateway's answer: is --url right?"
        ) from None
    raise NotFollowed(f"{address} answered {answer.status}: {said}")


async def _events(stream: aiohttp.StreamReader) -> AsyncIterator[Event]:
    kind = ""
    async for raw in stream:
        name, _, value = raw.decode().rstrip("\n").partition(": ")
        if name == "event":
            kind = value
        elif name == "data":
            yield kind, orjson.loads(value)

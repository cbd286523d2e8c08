"""Splits long JSON into the values of its list or object, some at a time: msgspec takes all of it in one turn."""

import re
from collections.abc import AsyncIterator
from typing import Final

import msgspec

from connectors.reading.turns import Turns

AT_ONCE: Final = 128 * 1024
"""Bytes that are split in one turn: a few milliseconds, also where each value has only two of them."""

_TRIES: Final = 4
"""Commas at which the list is cut on trial, before the end of its next value is looked for."""
_DEEPEST: Final = 1000
"""Levels of lists and objects, beyond which msgspec gives up, too."""
_LONG: Final = 128 * 1024
"""Bytes of a single value that whoever reads it checks."""
_PASSED: Final = 64 * 1024
"""Most bytes of a step."""
_MOST_STEPS: Final = 100_000
"""Texts, and beginnings and ends of lists and objects, of one value: some seven tenths of a second."""
_LOOKED_AT: Final = 16
"""Steps of a search after which the clock is looked at."""

_LIST: Final = msgspec.json.Decoder(list[msgspec.Raw])
_OBJECT: Final = msgspec.json.Decoder(dict[str, msgspec.Raw])
_SPACE: Final = re.compile(rb"[ \t\n\r]*")
_NEITHER: Final = re.compile(rb'[^"{}\[\]]*')
"""What is no text, and neither begins nor ends a list or an object."""
_SCALAR: Final = re.compile(rb"[^\s,\]}]*")


async def values(body: bytes) -> AsyncIterator[list[msgspec.Raw]]:
    """The values of a JSON list, some at a time; others have their turn in between.

    Raises `msgspec.DecodeError` if it is no list, or has a long value of more than 100,000 texts, lists and objects.
    Where it is none only further on, values have come before that. A value of more than 128 KiB need not be right.
    """
    at, is_first = _past(body, 0, b"["), True
    while len(body) - at > AT_ONCE:
        turns = Turns()
        some, after = _cut(body, at)
        if not some:
            after = await _end(body, _after_space(body, at), turns)
            if after - at > _LONG:
                some = [msgspec.Raw(body[at:after])]
                await turns.next()
            elif not (some := _LIST.decode(b"[" + body[at:after] + b"]")):
                raise _malformed("no value", at)
        yield some
        after = _after_space(body, after)
        if body[after : after + 1] == b"]":
            _LIST.decode(b"[" + body[after:])  # nothing may follow
            return
        at, is_first = _past(body, after, b","), False
        await turns.next()
    some = _LIST.decode(b"[" + body[at:])
    if not some and not is_first:
        raise _malformed("no value", at)
    yield some


async def member(body: bytes, name: str) -> msgspec.Raw | None:
    """The value of a member of a JSON object; None if it has none.

    Raises `msgspec.DecodeError` if it is no object, or a long one of more than 100,000 members.
    """
    if len(body) <= AT_ONCE:
        return _OBJECT.decode(body).get(name)
    turns, found, at = Turns(), None, _past(body, 0, b"{")
    for _ in range(_MOST_STEPS):
        begins = _after_space(body, at)
        colon = await _end(body, begins, turns)
        at = _after_space(body, _past(body, colon, b":"))
        after = await _end(body, at, turns)
        if msgspec.json.decode(body[begins:colon], type=str) == name:
            found = msgspec.Raw(body[at:after])
        at = _after_space(body, after)
        if body[at : at + 1] == b"}":
            _OBJECT.decode(b"{" + body[at:])  # nothing may follow
            return found
        at = _past(body, at, b",")
    raise _malformed(f"an object has more than {_MOST_STEPS} members", at)


def _cut(body: bytes, at: int) -> tuple[list[msgspec.Raw], int]:
    """Values of a list from `at`, where one begins, up to a comma, and where that is. No values if none was found.

    What is read as whole values from where one begins ends where one ends.
    """
    stop, mark = at + AT_ONCE, b"},"
    if body.find(mark, at, stop) < 0:
        mark = b","
    for _ in range(_TRIES):
        stop = body.rfind(mark, at, stop)
        if stop < 0:
            break
        comma = stop + len(mark) - 1
        try:
            return _LIST.decode(b"[" + body[at:comma] + b"]"), comma
        except msgspec.DecodeError:
            pass  # within a value, or malformed, which is seen when the end of the next value is looked for
    return [], at


async def _end(body: bytes, at: int, turns: Turns) -> int:
    """Where the value ends that begins at `at`. It need not be right: whoever reads it will see."""
    begins = body[at : at + 1]
    if begins == b'"':
        return await _text_end(body, at, turns)
    if begins not in (b"{", b"["):
        scalar = _SCALAR.match(body, at)
        return scalar.end() if scalar else at
    depth, step = 0, 0
    while at < len(body):
        step += 1
        if step % _LOOKED_AT == 0 and turns.is_over:
            await turns.next()
        if step > _MOST_STEPS:
            raise _malformed(f"a value has more than {_MOST_STEPS} texts, lists and objects", at)
        passed = _NEITHER.match(body, at, at + _PASSED)
        at = passed.end() if passed else at
        found = body[at : at + 1]
        if found == b'"':
            at = await _text_end(body, at, turns)
        elif found in (b"{", b"["):
            depth, at = depth + 1, at + 1
            if depth > _DEEPEST:
                raise RecursionError(f"more than {_DEEPEST} levels")
        elif found in (b"}", b"]"):
            depth, at = depth - 1, at + 1
            if not depth:
                return at
    raise _malformed("a value does not end", at)


async def _text_end(body: bytes, at: int, turns: Turns) -> int:
    """Where the text ends that begins at `at`."""
    step, begins = 0, at + 1
    while (quote := body.find(b'"', begins)) >= 0:
        before = body[begins:quote]
        if not (len(before) - len(before.rstrip(b"\\"))) % 2:
            return quote + 1
        begins, step = quote + 1, step + 1
        if step % _LOOKED_AT == 0 and turns.is_over:
            await turns.next()
    raise _malformed("a text does not end", at)


def _after_space(body: bytes, at: int) -> int:
    space = _SPACE.match(body, at)
    return space.end() if space else at


def _past(body: bytes, at: int, wanted: bytes) -> int:
    """Behind this character, which comes next."""
    at = _after_space(body, at)
    if body[at : at + 1] != wanted:
        raise _malformed(f"expected {wanted.decode()}", at)
    return at + 1


def _malformed(what: str, at: int) -> msgspec.DecodeError:
    return msgspec.DecodeError(f"JSON is malformed: {what} (byte {at})")

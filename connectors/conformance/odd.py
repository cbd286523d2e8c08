"""Checks with unusual keys that a careless driver turns into a different query."""

import asyncio
from typing import Any

from connectors.conformance.checks import only_its_own, same
from connectors.conformance.promises import Keyed
from connectors.conformance.trial import Failure, Trial, brief, call_text
from connectors.errors import ConnectorError, Rejected, TooMuch
from connectors.records import Window


def odd_keys(key: str) -> list[str]:
    """Keys that do not exist, made from an existing key, that a careless driver turns into a different query."""
    return [
        "",
        " ",
        f"{key} ",
        f"{key}%",
        "%",
        "*",
        f"{key}*",
        f"{key},{key}0",
        f"{key};{key}0",
        f"{key}&limit=1",
        f"{key}' OR '1'='1",
        f'{key}" OR "1"="1',
        "'",
        '"',
        "\\",
        "../" + key,
        f"{key}\n",
        "\u017elu\u0165ou\u010dk\u00fd k\u016f\u0148 \U0001f40e",
        "x" * 3000,
    ]


async def odd(trial: Trial, method: Keyed) -> str:
    """Check that keys with quotes, wildcards and separators find nothing and do not affect other keys."""
    keys = trial.sample_keys(method)
    strange = odd_keys(keys[0])
    asked = [keys[0], *strange, *keys[1:2]]
    found = await trial.keyed(method, asked)
    _judge_odd(method, asked, strange, found)
    before = trial.found[method.name]
    for key in {keys[0], *keys[1:2]}:
        if isinstance(found.get(key), ConnectorError):
            raise Failure(
                f"{call_text(method, asked)}: with odd keys beside it, {brief(key)} gave {type(found[key]).__name__}"
                f" ({found[key].detail}); right is that an odd key is absent, or fails alone."
            )
        same(method, key, before.get(key), found.get(key), call_text(method, keys), call_text(method, asked))
    window = Window(0, 3) if method.windowed else None
    outcomes = await asyncio.gather(*(trial.keyed(method, [key], window=window) for key in strange))
    for key, alone in zip(strange, outcomes, strict=True):
        _judge_odd(method, [key], strange, alone)
    return f"{len(strange)} odd keys, together and alone"


def _judge_odd(method: Keyed, asked: list[str], strange: list[str], found: dict[str, Any]) -> None:
    for key in strange:
        one = found.get(key)
        if isinstance(one, ConnectorError) and not isinstance(one, Rejected | TooMuch):
            raise Failure(
                f"{call_text(method, asked)} gave {type(one).__name__} ({one.detail}) under {brief(key)}; right is no"
                " entry, or Rejected where the product cannot be asked so."
            )
    only_its_own(method, asked, found)

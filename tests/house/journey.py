"""The way of a customer's id, from where the gateway reads it to the one call that asks billing for its bills.

    cd TREE && python .../tests/house/journey.py

Runs by itself, in the folder of any checkout whose `tests.stack` starts a gateway over sandbox systems, and prints
JSON. An agent asks for `customer(id: "1001") { bills }`, and a subscriber, whose token holds the number, for
`me { bills }`: twice to warm up, so that the document is planned and the token known, then once while every call of a
Python function is looked at. Billing's profile is the demo's.

The way begins with the first function of ours that is handed the id, and ends when aiohttp is asked for the bills; the
systems are slow, so that no answer comes back on the way. On it are counted, each once however often it is called:

- `functions` and `files`: functions of gateway, schema, resolvers and connectors that are entered or resumed. That is
  what is stepped through to see how the argument became the call. A comprehension belongs to the function around it; a
  lambda and a function of a compiled plan are functions, and all compiled plans are one file.
- `handed` and `handed_files`: those among them that are handed the id: by a parameter, or by a variable that a closure
  captured.
- `names`: the distinct names of those parameters and variables.

Handed is the id itself ("1001", "Customer:1001"), text that has it as a word (a URL, a query), and a value that holds
such: a list, tuple, set or dict of up to 20, a frozen dataclass or msgspec struct, to three levels. Not: the document,
and objects with state that could get at it (contexts, loaders, `self` in general).
"""

import asyncio
import dataclasses
import gc
import inspect
import json
import os
import re
import sys
import tempfile
from pathlib import Path
from types import CodeType, FrameType
from typing import Any

import aiohttp
import msgspec
from yarl import URL

ROOMS = ("gateway", "schema", "resolvers", "connectors")
PLAN = "<plan>"
"""The file name of compiled plans."""
KEY = "1001"
ASKED = {
    "agent": ("agent", f'{{ customer(id: "{KEY}") {{ bills(first: 5) {{ nodes {{ id }} }} }} }}'),
    "subscriber": (KEY, "{ me { bills(first: 5) { nodes { id } } } }"),
}
BILLS = "/customerBill"
"""How the path of the call ends."""
LATENCY_MS = 300
_WORD = re.compile(rf"(?<!\w){KEY}(?!\w)")
_COMPREHENSION = re.compile(r"(\.<locals>)?\.<(listcomp|setcomp|dictcomp|genexpr)>")
_DEPTH = 3
_MOST = 20


def holds(value: Any, depth: int = _DEPTH) -> bool:
    """Whether a value is the id, or holds it."""
    kind = type(value)
    if kind in (str, bytes, URL):
        text = value.decode("latin-1") if kind is bytes else str(value)
        return KEY in text and "{" not in text and _WORD.search(text) is not None
    if depth == 0:
        return False
    parts: list[Any] = []
    if isinstance(value, dict):
        parts = [*value.keys(), *value.values()] if len(value) <= _MOST else []
    elif isinstance(value, (list, tuple, set, frozenset)):
        parts = list(value) if len(value) <= _MOST else []
    elif isinstance(value, msgspec.Struct):
        parts = [getattr(value, name) for name in value.__struct_fields__] if kind.__struct_config__.frozen else []
    elif dataclasses.is_dataclass(kind) and kind.__dataclass_params__.frozen:  # type: ignore[attr-defined]
        parts = [getattr(value, field.name, None) for field in dataclasses.fields(kind)]
    return any(holds(part, depth - 1) for part in parts)


class Way:
    """What `sys.setprofile` calls, for one request."""

    def __init__(self, tree: Path) -> None:
        self._folders = tuple(f"{tree / room}{os.sep}" for room in ROOMS)
        self._tree = tree
        self._sending = aiohttp.ClientSession._request.__code__
        self.passed: set[tuple[str, str]] = set()
        """File and function."""
        self.handed: dict[tuple[str, str], set[str]] = {}
        """The same, to the names that held the id."""
        self.sent = False

    def __call__(self, frame: FrameType, event: str, _arg: Any) -> None:
        """One event of the interpreter."""
        if event != "call" or self.sent:
            return
        code = frame.f_code
        if code is self._sending:
            self.sent = str(frame.f_locals["str_or_url"]).partition("?")[0].endswith(BILLS)
        elif code.co_filename == PLAN or code.co_filename.startswith(self._folders):
            self._entered(frame, code)

    def _entered(self, frame: FrameType, code: CodeType) -> None:
        given = _given(code)
        names = {name for name, value in frame.f_locals.items() if name in given and holds(value)}
        if names or self.passed:
            file = code.co_filename if code.co_filename == PLAN else str(Path(code.co_filename).relative_to(self._tree))
            place = (file, _COMPREHENSION.sub("", code.co_qualname))
            self.passed.add(place)
            if names:
                self.handed.setdefault(place, set()).update(names - {".0"})

    def counted(self) -> dict[str, Any]:
        """The figures, and what they count."""
        return {
            "functions": len(self.passed),
            "files": len({file for file, _ in self.passed}),
            "handed": len(self.handed),
            "handed_files": len({file for file, _ in self.handed}),
            "names": sorted({name for names in self.handed.values() for name in names}),
            "way": {f"{file} {name}": sorted(self.handed.get((file, name), ())) for file, name in sorted(self.passed)},
        }


def _given(code: CodeType) -> frozenset[str]:
    """Names of parameters and of captured variables."""
    count = code.co_argcount + code.co_kwonlyargcount
    count += bool(code.co_flags & inspect.CO_VARARGS) + bool(code.co_flags & inspect.CO_VARKEYWORDS)
    return frozenset(code.co_varnames[:count] + code.co_freevars)


async def journeys(tree: Path) -> dict[str, Any]:
    """The ways of the agent's and the subscriber's id. Raises RuntimeError where one does not end in one call."""
    from tests.stack import stacked  # the tree's own

    profile = {"billing": {"profile": {"bills_name_customers": True}}}
    found: dict[str, Any] = {}
    with tempfile.TemporaryDirectory() as folder:
        async with stacked(Path(folder), systems=profile) as stack:
            for who, (viewer, document) in ASKED.items():
                headers = {"Authorization": f"Bearer {stack.token(viewer)}"}

                async def ask(document: str = document, headers: dict[str, str] = headers) -> Any:
                    address = f"{stack.address}/graphql"
                    async with stack.session.post(address, json={"query": document}, headers=headers) as answer:
                        return await answer.json()

                stack.reset()
                for _ in range(2):
                    await ask()
                for system in stack.systems.values():
                    system.requests.clear()
                    system.switches.latency_ms = LATENCY_MS
                way = Way(tree)
                gc.disable()
                sys.setprofile(way)
                try:
                    answer = await ask()
                finally:
                    sys.setprofile(None)
                    gc.enable()
                paths = [one["path"] for one in stack.systems["billing"].requests]
                if answer.get("errors") or not way.sent or len(paths) != 1 or not paths[0].endswith(BILLS):
                    raise RuntimeError(f"{who}: not one call for bills: {paths}, {str(answer)[:500]}")
                found[who] = way.counted()
    return found


def main() -> None:
    """Measure the checkout in the current folder."""
    tree = Path.cwd().resolve()
    sys.path[0] = str(tree)
    found = asyncio.run(journeys(tree))
    loaded = ((name, getattr(module, "__file__", None)) for name, module in list(sys.modules.items()))
    for name, file in loaded:
        if file and name.partition(".")[0] in ROOMS and not Path(file).is_relative_to(tree):
            raise RuntimeError(f"{name} was taken from {file}, which is another checkout")
    print(json.dumps(found))


if __name__ == "__main__":
    main()

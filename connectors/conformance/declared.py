"""What the driver declares that its product cannot give: true, spelled right, and refused without a call."""

from typing import Any

import msgspec

from connectors.conformance.promises import Keyed, Listed, Method
from connectors.conformance.trial import Failure, Trial, said
from connectors.errors import NotSupported
from connectors.records import Record, Window, attributes


async def refuses(trial: Trial, method: Method) -> str:
    """A method that is declared unsupported raises NotSupported, and nothing is sent."""
    keys = (trial.keys.get(method.kind) or ["1"])[:2] if isinstance(method, Keyed) else []

    async def ask() -> Any:
        if isinstance(method, Keyed):
            return await method.ask(trial.driver, keys, None, None)
        if isinstance(method, Listed):
            return await method.ask(trial.driver, Window(0, 5), None)
        return await method.ask(trial.driver, "a", Window(0, 5), None)

    outcome = await trial.attempt(ask)
    if not isinstance(outcome.error, NotSupported):
        came = f"raised {type(outcome.error).__name__}" if outcome.error else f"gave {said(outcome.value)}"
        raise Failure(f"{method.name} is declared unsupported and {came}; right is to raise NotSupported.")
    if outcome.calls:
        raise Failure(f"{method.name} is declared unsupported and sent {outcome.calls} requests; right is none.")
    return trial.unsupported[method.name]


def declarations(trial: Trial) -> str:
    """Every key of both declarations is a method or an attribute; one that is unsupported never has a value."""
    for name, reason in trial.unsupported.items():
        record, attribute = _named(trial, "unsupported", name, reason)
        if record is not None:
            _never(trial, record, attribute)
    for name, reason in trial.one_by_one.items():
        _named(trial, "one_by_one", name, reason)
    if trial.promises.declared is not None:
        trial.promises.declared(trial)
    return f"{len(trial.unsupported)} declared"


def _named(trial: Trial, where: str, name: str, reason: object) -> tuple[type[Record] | None, str]:
    """The record and the attribute that a declaration names; no record where it names a method. Raises Failure."""
    methods = {one.name for one in trial.promises.methods} | {"open_document", *trial.promises.writes}
    records = {one.record.__name__: one.record for one in trial.promises.methods}
    record, _, attribute = name.partition(".")
    known = list(attributes(records[record])) if record in records else []
    if name not in methods and attribute not in known:
        raise Failure(
            f"`{where}` names {name!r}; right is a method of the port or 'Record.attribute'"
            f" ({', '.join(known or sorted({*methods, *records}))})."
        )
    if not isinstance(reason, str) or not reason.strip():
        raise Failure(f"`{where}` gives no reason for {name!r}; right is a sentence for who meets the gap.")
    return (records[record], attribute) if attribute else (None, "")


def _never(trial: Trial, record: type[Record], attribute: str) -> None:
    nothing = next(one.default for one in msgspec.structs.fields(record) if one.name == attribute)
    for row in trial.samples.get(record, {}).values():
        if (value := getattr(row, attribute)) != nothing and value is not None:
            raise Failure(
                f"{record.__name__}.{attribute} is declared unsupported, and {row.id!r:.60} has {said(value)}; right is"
                f" {nothing!r}, or no declaration."
            )

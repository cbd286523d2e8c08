"""The conformance suite: checks that a driver keeps its port's promises against a running system. It only reads.

`conform` yields a `Result` for each check of each method of the port; `gateway driver-test` prints them. Sample keys
are given, or found in the system (`samples`).
"""

from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Mapping, Sequence
from typing import Any, Final

from connectors.conformance import checks, declared, failing, lists, odd, system, whole
from connectors.conformance.promises import Keyed, Listed, Method, Promises
from connectors.conformance.samples import collect_samples
from connectors.conformance.trial import Result, Trial, always_asked, result_of
from connectors.settings import System

__all__ = ["CHECKS", "Result", "conform"]

CHECKS: Final[Mapping[str, str]] = {
    "answers": "records of the port's types: exact money with its currency, dates with a zone; texts find their rows",
    "batch": "a batch of keys gives the same as each key alone",
    "gaps": "an unknown key is absent and does not affect the others",
    "order": "rows are in the order that the port promises",
    "paging": "windows add up to the complete list, without repeated rows, with the true total",
    "filters": "conditions (is_open, since, until) give exactly the rows that meet them",
    "odd": "quotes, commas, wildcards and long keys find no unrequested row and do not affect other keys",
    "owner": "every row belongs to its key, and has the same owners if it is read by id",
    "fields": "selected fields have the same values as in the whole record",
    "whole": "odd attributes, broken texts, totals that are too low and empty answers lose no row silently",
    "errors": "a failing system becomes the right ConnectorError",
    "calls": "requests for one key / for many keys, which shows n+1",
    "unsup.": "methods declared unsupported raise NotSupported without a request",
}
"""The checks, in the order of the table's columns, and what each is about."""

Check = Callable[[Trial, Any], Awaitable[str]]

_KEYED: Final[Mapping[str, Check]] = {
    "answers": checks.answers,
    "batch": checks.batch,
    "gaps": checks.gaps,
    "odd": odd.odd,
    "owner": checks.ownership,
    "whole": whole.whole,
    "errors": failing.errors,
    "calls": checks.cost,
}
_LISTED: Final[Mapping[str, Check]] = {
    "answers": lists.list_answers,
    "order": lists.list_order,
    "paging": lists.list_paging,
    "fields": lists.list_projection,
    "errors": failing.errors,
}
_SEARCHED: Final[Mapping[str, Check]] = {
    "answers": lists.search_answers,
    "odd": lists.search_odd,
    "errors": failing.errors,
}


def _checks(method: Method) -> dict[str, Check]:
    """The checks that a method's shape and promises allow."""
    if isinstance(method, Keyed):
        more: dict[str, Check] = {"fields": checks.projection} if method.projected else {}
        more |= {"order": checks.order} if method.order else {}
        more |= {"paging": checks.paging} if method.windowed else {}
        more |= {"filters": checks.conditions} if method.conditions else {}
        return {**_KEYED, **more}
    if isinstance(method, Listed):
        return {**_LISTED, **({"filters": lists.list_conditions} if method.conditions else {})}
    return {**_SEARCHED, **({"paging": lists.search_paging} if method.windowed else {})}


async def conform(
    domain: str,
    promises: Promises,
    build: Callable[[System], Any],
    settings: System,
    *,
    keys: Mapping[str, Sequence[str]] | None = None,
    sample_size: int = 5,
    check_credentials: bool = True,
    only: Collection[str] = (),
) -> AsyncIterator[Result]:
    """Check the driver that `build` makes from a system's settings against the promises of its domain's port.

    Results come as they are found. `keys` are sample keys by kind (such as customer, bill, ticket); they replace those
    found in the system. At most `sample_size` keys of a kind are used. `only` names the port methods to check; empty:
    all. Whatever the driver raises becomes a result.
    """
    settings = always_asked(settings)
    trial = Trial(
        domain, promises, build(settings), settings, build, sample_size, check_credentials, given=dict(keys or {})
    )
    yield await result_of(trial, "answers", "probe", lambda: system.probe(trial))
    yield await result_of(trial, "errors", "probe", lambda: system.probe_errors(trial))
    yield await result_of(trial, "errors", "credentials", lambda: system.credentials(trial))
    await collect_samples(trial)
    for method in [one for one in promises.methods if not only or one.name in only]:
        async for result in _of_method(trial, method):
            yield result
    if promises.has_documents:
        yield await result_of(trial, "answers", "open_document", lambda: system.document(trial))
    yield await result_of(trial, "unsup.", "unsupported", lambda: _declared(trial))


async def _declared(trial: Trial) -> str:
    return declared.declarations(trial)


async def _of_method(trial: Trial, method: Method) -> AsyncIterator[Result]:
    if not callable(getattr(trial.driver, method.name, None)):
        missing = f"the driver has no method {method.name}; right is the port's, or one that raises NotSupported."
        yield Result("answers", method.name, "failed", missing)
        return
    if trial.is_unsupported(method):
        yield await result_of(trial, "unsup.", method.name, lambda: declared.raises_not_supported(trial, method))
        return
    possible = _checks(method)
    first = await result_of(trial, "answers", method.name, lambda: possible["answers"](trial, method))
    yield first
    for name in CHECKS:
        if name == "answers" or name not in possible:
            continue
        if first.mark == "passed" or (name == "errors" and first.mark == "failed"):
            check = possible[name]
            yield await result_of(trial, name, method.name, lambda check=check: check(trial, method))  # type: ignore[misc]  # bound in the loop
        else:
            why = first.reason if first.mark == "skipped" else f"see {method.name}, answers."
            yield Result(name, method.name, "skipped", why)

"""Checks of writes whose answer is lost, is another one, or does not come: what the failure says, and what is found."""

from typing import Final

from connectors.conformance.failing import FAILURE_MODES, FailureMode, at_address, http_answer, unused_address
from connectors.conformance.trial import Failure, Skipped, brief, describe_error
from connectors.conformance.write_trial import Done, WriteTrial, no_connector_error
from connectors.conformance.writing import new_key
from connectors.errors import ConnectorError, RateLimited, Refused, Rejected

_SURE: Final = (RateLimited, Refused, Rejected)
"""Failures after which a system has done nothing."""
_MODES: Final = tuple(one for one in FAILURE_MODES if one.answer is not None)
_OUT_OF_SERVICE: Final = http_answer("503 Service Unavailable", "text/plain", b"later")
_CONFLICT: Final = http_answer("409 Conflict", "text/plain", b"somebody else was faster")


async def lost(trial: WriteTrial) -> str:
    """Check a write whose answer is lost after its effect.

    It may have happened, was sent once, and is found by its key; what has no finder can be repeated.
    """
    effect, key = await trial.writing.effect(), new_key()
    before = await trial.count(effect)
    trial.wire.loses = True
    outcome = await trial.attempt(effect.write, key)
    trial.wire.loses = False
    call = f"{effect.call}, whose answer was lost,"
    if outcome.error is not None:
        no_connector_error(call, outcome.error, "a ConnectorError with may_have_happened")
        if isinstance(outcome.error, ConnectorError) and not outcome.error.may_have_happened:
            raise Failure(f"{call} {describe_error(outcome.error)} without may_have_happened; right is True.")
    await trial.has_one_effect(effect, before)
    try:
        found = await trial.find(effect, key)
    except Skipped:
        if trial.writing.adds:
            raise
        return await _repeated(trial, Done(effect, key, outcome.value))
    if found is None:
        raise Failure(f"{call} is not found by its key with {trial.writing.finder}; right is the effect that it had.")
    if outcome.error is None and not trial.is_found(Done(effect, key, outcome.value), found):
        raise Failure(f"{call} gave {brief(outcome.value)}, and its key finds {brief(found)}; right is the same.")
    if wrong := await trial.wrong(effect.wrong, None if found is True else found):
        raise Failure(f"after {call} {wrong}; right is what was written.")
    return f"found: {brief(found)}"


async def _repeated(trial: WriteTrial, done: Done) -> str:
    """A write without a finder is repeated with its key: it succeeds, and all is as it is wanted."""
    outcome = await trial.attempt(done.effect.write, done.key)
    call = f"{done.effect.call}, repeated after a lost answer,"
    if outcome.error is not None:
        raise Failure(f"{call} {describe_error(outcome.error)}; right is a success.")
    if wrong := await trial.wrong(done.effect.wrong, None):
        raise Failure(f"after {call} {wrong}; right is what was written.")
    return "repeated"


async def down(trial: WriteTrial) -> str:
    """Check that a failure says whether anything was sent to a system that is not there, or answers 503 to all."""
    effect = await trial.writing.effect()
    async with unused_address() as address:
        driver = trial.trial.build(at_address(trial.trial.system, address))
        outcome = await trial.attempt(effect.write, new_key(), driver)
    _sure(outcome.error, f"{effect.call}, where nobody listens,")
    trial.wire.clear()
    trial.wire.instead, trial.wire.reads_too = _OUT_OF_SERVICE, True
    outcome = await trial.attempt(effect.write, new_key())
    call = f"{effect.call}, where the system answers 503 to all,"
    if trial.wire.written:
        _unsure(outcome.error, call)
        return "nobody there"
    _sure(outcome.error, call)
    return "nobody there; out of service before anything was written"


async def answers(trial: WriteTrial) -> str:
    """Check that answers which do not tell what came of a write are failures, and that those may have happened."""
    effect = await trial.writing.effect()
    for mode in _MODES:
        trial.wire.clear()
        trial.wire.instead = mode.answer
        outcome = await trial.attempt(effect.write, new_key())
        _judge(trial, outcome.error, effect.call, mode)
    return f"{len(_MODES)} answers"


def _judge(trial: WriteTrial, error: Exception | None, call: str, mode: FailureMode) -> None:
    what = f"{call}, where the system {mode.description},"
    if again := trial.wire.repeated():
        raise Failure(f"{what} sent {again} twice; right is once.")
    if all(issubclass(one, _SURE) for one in mode.right):
        no_connector_error(what, error, "a ConnectorError")
    else:
        _unsure(error, what)


async def conflict(trial: WriteTrial) -> str:
    """Check that 409 is a refusal: nothing happened, and the failure says so."""
    effect = await trial.writing.effect()
    trial.wire.instead = _CONFLICT
    outcome = await trial.attempt(effect.write, new_key())
    call = f"{effect.call}, where the system answers 409,"
    if not isinstance(outcome.error, Rejected):
        no_connector_error(call, outcome.error, "Rejected, or Declined with Reason.CONFLICT")
        raise Failure(f"{call} {describe_error(outcome.error or Exception())}; right is Rejected, or Declined.")
    _sure(outcome.error, call)
    return type(outcome.error).__name__


def _sure(error: Exception | None, call: str) -> None:
    no_connector_error(call, error, "a ConnectorError without may_have_happened")
    if isinstance(error, ConnectorError) and error.may_have_happened:
        raise Failure(f"{call} {describe_error(error)} with may_have_happened; right is False, as nothing was done.")


def _unsure(error: Exception | None, call: str) -> None:
    no_connector_error(call, error, "a ConnectorError with may_have_happened")
    if isinstance(error, ConnectorError) and not error.may_have_happened:
        raise Failure(f"{call} {describe_error(error)} without may_have_happened; right is True: nobody knows.")

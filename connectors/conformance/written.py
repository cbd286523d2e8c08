"""Checks of writes that are answered: one effect, found by its key and read as it was written; refusals."""

from collections.abc import Awaitable, Callable

from connectors.conformance.trial import Failure, Skipped, brief, describe_error
from connectors.conformance.write_trial import Done, WriteTrial
from connectors.conformance.writing import Place, Refusal, new_key
from connectors.errors import Declined, NotSupported


async def once(trial: WriteTrial) -> str:
    """Check that a write has one effect, and sends each of its requests once."""
    done = await trial.made(await trial.writing.effect(), new_key())
    trial.done.append(done)
    return f"{done.effect.call}: {', '.join(trial.wire.written)}"


async def shows(trial: WriteTrial) -> str:
    """Check that what is read afterwards is what was written."""
    done = trial.done[0]
    if wrong := await trial.wrong(done.effect.wrong, done.value):
        raise Failure(f"after {done.effect.call}, {wrong}; right is what was written.")
    return done.effect.call


async def key(trial: WriteTrial) -> str:
    """Check that the write is found by its key, and by no other one."""
    done, other = trial.done[0], new_key()
    found = await trial.find(done.effect, done.key)
    if not trial.is_found(done, found):
        right = "True" if done.value is None else brief(done.value)
        raise Failure(
            f"{trial.writing.finder} with the key of {done.effect.call} gave {brief(found)}; right is {right}."
        )
    if (found := await trial.find_now(done.effect, other)) is not None:
        raise Failure(f"{trial.writing.finder} with a key that nothing was written with gave {brief(found)}; right is"
                      f" {'False' if done.value is None else 'None'}.")  # fmt: skip
    return brief(done.value)


async def again(trial: WriteTrial) -> str:
    """Check that another key is another effect, or that nothing is sent where all is as it is wanted."""
    first, other = trial.done[0], new_key()
    if trial.writing.adds:
        second = await trial.made(first.effect, other)
        if second.value is not None and second.value == first.value:
            raise Failure(f"{first.effect.call} gave {brief(second.value)} under two keys; right is another effect.")
        return f"{brief(first.value)} and {brief(second.value)}, {await _told_apart(trial, first, second)}"
    outcome = await trial.attempt(first.effect.write, other)
    if outcome.error is not None:
        raise Failure(f"{first.effect.call}, a second time, {describe_error(outcome.error)}; right is a success.")
    if trial.wire.written:
        raise Failure(
            f"{first.effect.call}, a second time, sent {trial.wire.written[0]}; right is nothing, as it is so already."
        )
    return first.effect.call


async def _told_apart(trial: WriteTrial, *made: Done) -> str:
    """Check that each of the effects is found by its own key, where the system keeps keys."""
    for done in made:
        try:
            found = await trial.find(done.effect, done.key)
        except Skipped as why:
            return str(why)
        if not trial.is_found(done, found):
            raise Failure(
                f"of two effects, {trial.writing.finder} finds {brief(found)} by the key of {brief(done.value)};"
                " right is its own."
            )
    return "each by its key"


async def refused(trial: WriteTrial) -> str:
    """Check that each refusal is `Declined` with a reason and the attribute that it is about, and changed nothing."""
    refusals = await trial.writing.refusals()
    taken = [one.call for one in refusals if not await _is_refused(trial, one)]
    if len(taken) == len(refusals):
        raise Skipped(f"this system does what others refuse: {'; '.join(taken)}.")
    return f"{len(refusals) - len(taken)} refusals{'; done all the same: ' if taken else ''}{'; '.join(taken)}"


async def _is_refused(trial: WriteTrial, refusal: Refusal) -> bool:
    """False where the system has done it all the same."""
    outcome = await trial.attempt(refusal.write, new_key())
    error, right = outcome.error, f"Declined with attribute={refusal.attribute!r}"
    if error is None:
        if refusal.wrong is None or (wrong := await trial.wrong(refusal.wrong, outcome.value)):
            seen = f", although {wrong}" if refusal.wrong is not None else ""
            raise Failure(f"{refusal.call} was a success{seen}; right is {right}.")
        return False
    if not isinstance(error, Declined):
        raise Failure(f"{refusal.call} {describe_error(error)}; right is {right}.")
    if error.attribute != refusal.attribute:
        raise Failure(f"{refusal.call} was Declined with attribute={error.attribute!r}; right is {right}.")
    if refusal.reasons and error.reason not in refusal.reasons:
        reasons = " or ".join(one.name for one in refusal.reasons)
        raise Failure(f"{refusal.call} was Declined as {error.reason.name}; right is {reasons}.")
    if error.may_have_happened:
        raise Failure(f"{refusal.call} was Declined and may_have_happened; right is False: a refusal is sure.")
    return True


async def place(trial: WriteTrial) -> str:
    """Check that attributes without a place are declined, and that others are written."""
    places = await trial.writing.places()
    return ", ".join([f"{one.attribute} {await _placed(trial, one)}" for one in places])


async def _placed(trial: WriteTrial, place: Place) -> str:
    trial.wire.clear()
    outcome = await trial.attempt(place.write, new_key())
    if isinstance(outcome.error, Declined):
        if outcome.error.attribute != place.attribute:
            raise Failure(
                f"{place.call} was Declined with attribute={outcome.error.attribute!r}; right is {place.attribute!r}."
            )
        return "declined"
    if outcome.error is not None:
        raise Failure(f"{place.call} {describe_error(outcome.error)}; right is a success, or Declined.")
    if place.wrong is not None and (wrong := await trial.wrong(place.wrong, outcome.value)):
        raise Failure(f"after {place.call}, {wrong}; right is what was written, or Declined.")
    if place.sent and not any(place.sent.encode() in body for body in trial.wire.bodies):
        raise Failure(f"{place.call} was sent without {place.attribute}; right is with it, or Declined.")
    return "written"


def refuses_call(name: str) -> Callable[[WriteTrial], Awaitable[str]]:
    """The check that a method declared unsupported raises NotSupported without a request."""

    async def check(trial: WriteTrial) -> str:
        outcome = await trial.attempt(trial.writing.unsupported_call(name), new_key())
        if not isinstance(outcome.error, NotSupported):
            came = f"raised {type(outcome.error).__name__}" if outcome.error else f"gave {brief(outcome.value)}"
            raise Failure(f"{name} is declared unsupported and {came}; right is to raise NotSupported.")
        if outcome.calls:
            raise Failure(f"{name} is declared unsupported and sent {outcome.calls} requests; right is none.")
        return trial.trial.unsupported[name]

    return check


async def restore(trial: WriteTrial) -> str:
    """Take back what was written, as far as that is possible."""
    return await trial.writing.restore()

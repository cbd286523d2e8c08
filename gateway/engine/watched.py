"""Runs that tell when the levels of their plan began and ended. Other runs know nothing of this."""

from collections.abc import Sequence
from time import monotonic
from typing import Any

import msgspec
from graphql.execution.values import VariableValues

from gateway.engine.allowance import Allowance
from gateway.engine.bound_steps import KeyAndStep
from gateway.engine.built import BuiltBlock
from gateway.engine.declared import Context
from gateway.engine.plan import EdgeField
from gateway.engine.run import Compiled, Run
from gateway.engine.started_edge import StartedEdge
from gateway.engine.turns import Work


class Level(msgspec.Struct):
    """What an operation loads at one depth: its fields (`Type.field`), for how many objects, and when.

    The times are of `time.monotonic`, in seconds: from the start of the first load to the end of the last.
    """

    began: float
    ended: float
    fields: dict[str, None]
    objects: int = 0


Levels = dict[int, Level]
"""By depth; what the operation's root loads is 1."""


def watching(compiled: Compiled, context: Context, variables: VariableValues, allowance: Allowance) -> Run:
    """A run that fills in the attribute `levels` of its context, where it has one that is not None."""
    levels: Levels | None = getattr(context, "levels", None)
    if levels is None:
        return Run(compiled, context, variables, allowance)
    watched = _WatchedRun(compiled, context, variables, allowance)
    watched.levels = levels
    return watched


class _WatchedRun(Run):
    levels: Levels

    def start_edge(
        self,
        field: EdgeField,
        bound: KeyAndStep,
        subjects: Sequence[Any],
        places: Sequence[dict[str, Any]],
        above: BuiltBlock,
    ) -> Work[StartedEdge]:
        now = monotonic()
        level = self.levels.setdefault(_depth(above), Level(now, now, {}))
        level.fields[f"{field.parent.name}.{field.name}"] = None
        level.objects += len(subjects)
        return (yield from super().start_edge(field, bound, subjects, places, above))

    def finish(self, started: StartedEdge) -> Work[None]:
        level = self.levels.get(_depth(started.above))
        if level is not None:
            level.ended = monotonic()
        yield from super().finish(started)


def _depth(above: BuiltBlock) -> int:
    depth, one = 1, above.above
    while one is not None:
        depth, one = depth + 1, one.above
    return depth

"""What a plan will do, before it runs: loads by step, with their keys and attributes, and what begins early."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any

from graphql import GraphQLObjectType, get_named_type, is_leaf_type

from gateway.engine.plan import Block, EdgeField, MutationField, Plan, PlannedField, ValueField, WithheldField
from gateway.engine.selection import Selection


@dataclass(frozen=True, slots=True)
class Load:
    """One load, for all objects that have these fields.

    `fields` are paths in the answer, `keys` says what is loaded by, and `reads` are the attributes asked for. `early`
    says why it does not wait for its parent, `only_if` when it happens. A mutation's resolver counts as a load.
    """

    fields: tuple[str, ...]
    loader: str
    system: str | None
    keys: str
    reads: tuple[str, ...]
    early: str | None = None
    only_if: str | None = None


@dataclass(frozen=True, slots=True)
class Explanation:
    """Steps run one after the other; the loads of one step run concurrently, those of one loader in one call.

    `fallback` says why graphql-core runs the operation; then there are no steps. `withheld` and `masked` are paths of
    fields that the caller may not read, or not in full.
    """

    steps: tuple[tuple[Load, ...], ...] = ()
    fallback: str | None = None
    withheld: tuple[str, ...] = ()
    masked: tuple[str, ...] = ()

    def asking(self, served_by: Mapping[str, str]) -> "Explanation":
        """The same, with the systems that answer in place of others."""
        steps = [
            tuple(replace(one, system=served_by.get(one.system or "", one.system)) for one in step)
            for step in self.steps
        ]
        return replace(self, steps=tuple(steps))

    def document(self) -> dict[str, Any]:
        """The explanation as a JSON object."""
        made = asdict(self)
        return {name: value for name, value in made.items() if value or name not in ("withheld", "masked")}


def explained(plans: Iterable[Plan], selection: Selection) -> Explanation:
    """The explanation of plans that run one after the other."""
    plans = list(plans)
    fields = [one for plan in plans for one in plan.fields if isinstance(one, ValueField)]
    return Explanation(
        tuple(step for plan in plans for step in _steps(plan, selection)),
        withheld=tuple(dict.fromkeys(_path(one) for one in fields if isinstance(one, WithheldField))),
        masked=tuple(dict.fromkeys(_path(one) for one in fields if one.mask is not None)),
    )


def _path(field: PlannedField) -> str:
    above = field.above() if field.above else None
    return f"{_path(above)}.{field.key}" if above else field.key


def _steps(plan: Plan, selection: Selection) -> list[tuple[Load, ...]]:
    steps: dict[int, dict[tuple[str, str, str | None], Load]] = {}
    for step, load in _Explainer(plan, selection).block(plan.blocks[0], (), 0):
        loads, same = steps.setdefault(step, {}), (load.loader, load.keys, load.only_if)
        loads[same] = _merged(loads[same], load) if same in loads else load
    return [tuple(steps[number].values()) for number in sorted(steps)]


def _merged(one: Load, other: Load) -> Load:
    """The load of two fields together."""
    return replace(
        one, fields=one.fields + other.fields, reads=tuple(sorted({*one.reads, *other.reads})), early=one.early
    )


_Waited = EdgeField | MutationField


def _resolver(field: MutationField, path: tuple[str, ...]) -> Load:
    return Load((".".join(path),), f"{field.parent.name}.{field.name}", None, "the arguments", ())


class _Explainer:
    def __init__(self, plan: Plan, selection: Selection) -> None:
        self._plan, self._selection = plan, selection

    def block(self, block: Block, path: tuple[str, ...], step: int) -> Iterator[tuple[int, Load]]:
        """The loads below a block that is complete after `step` steps, each with its step."""
        same = {one.number for one in block.same_id(known=True)}
        shortcuts = {one.number for one, _ahead in block.shortcuts()}
        for one, place in self._waited_for(block, path):
            early = None
            if one.number in same:
                early = "its key is the id that is asked for"
            elif one.number in shortcuts:
                early = "found by its parent's parent, too"
            at = max(1, step if early else step + 1)
            load = self._load(one, place, early) if isinstance(one, EdgeField) else _resolver(one, place)
            yield at, load
            yield from self.block(self._plan.below[one.number], place, at if not early else max(step, at))

    def _waited_for(self, block: Block, path: tuple[str, ...]) -> Iterator[tuple[_Waited, tuple[str, ...]]]:
        """The awaited fields of a block with their paths in the answer, each once."""
        seen: set[int] = set()
        for of_type in block.selected.by_type.values() if block.selected else ():
            for one, place in self._under(of_type.fields, path):
                if one.number not in seen:
                    seen.add(one.number)
                    yield one, place

    def _under(self, fields: list[PlannedField], path: tuple[str, ...]) -> Iterator[tuple[_Waited, tuple[str, ...]]]:
        for one in fields:
            place = (*path, one.key)
            if isinstance(one, _Waited):
                yield one, place
            elif isinstance(one, ValueField) and one.selected is not None:
                for of_type in one.selected.by_type.values():
                    yield from self._under(of_type.fields, place)

    def _load(self, field: EdgeField, path: tuple[str, ...], early: str | None) -> Load:
        edge, parent = field.edge, field.parent.name
        if isinstance(edge.key, str):
            keys = f"{parent}.{edge.key}"
        elif edge.same_id:
            keys = f"{parent}.id"
        elif field.above is None:
            keys = "the arguments"
        else:
            keys = f"several of each {parent}" if edge.many else f"each {parent}"
        return Load(
            (".".join(path),),
            edge.loader.__name__,
            edge.system,
            keys,
            self._reads(field),
            early,
            "the parent does not hold it already" if edge.known else None,
        )

    def _reads(self, field: EdgeField) -> tuple[str, ...]:
        named = get_named_type(field.type)
        if is_leaf_type(named):
            return (field.definition.python_name,) if field.definition else ()
        if isinstance(named, GraphQLObjectType) and (nodes := named.fields.get("nodes")) is not None:
            named = get_named_type(nodes.type)
        return tuple(sorted(self._selection.get(named.name, ())))

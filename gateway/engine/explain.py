"""A plan told before it runs: which loads in which step, by which keys, for which attributes, and what begins early."""

from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from typing import Any

from graphql import GraphQLObjectType, GraphQLOutputType, get_named_type, is_leaf_type

from gateway.engine.plan import Block, FieldPlan, Plan
from gateway.engine.selection import Selection


@dataclass(frozen=True, slots=True)
class Load:
    """One load: all objects that have the fields are served by it together.

    `fields` are the places of those; `keys` what it is looked up by; `reads` the attributes that travel down;
    `early` says why it need not wait for its parent; `only_if` when it happens at all.
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
    """`steps` are what waits for each other; loads of one step run side by side, those of one loader in one call.

    `fallback` says why graphql-core runs the operation: then there are no steps to tell.
    """

    steps: tuple[tuple[Load, ...], ...] = ()
    fallback: str | None = None

    def document(self) -> dict[str, Any]:
        """As it stands in JSON."""
        return asdict(self)


def explained(plan: Plan, selection: Selection) -> Explanation:
    """What a plan will do."""
    steps: dict[int, dict[tuple[str, str, str | None], Load]] = {}
    for step, load in _Teller(plan, selection).block(plan.blocks[0], (), 0):
        loads, same = steps.setdefault(step, {}), (load.loader, load.keys, load.only_if)
        loads[same] = _together(loads[same], load) if same in loads else load
    return Explanation(tuple(tuple(steps[number].values()) for number in sorted(steps)))


def _together(one: Load, other: Load) -> Load:
    """Two fields that are served by one load."""
    return replace(
        one, fields=one.fields + other.fields, reads=tuple(sorted({*one.reads, *other.reads})), early=one.early
    )


class _Teller:
    def __init__(self, plan: Plan, selection: Selection) -> None:
        self._plan, self._selection = plan, selection

    def block(self, block: Block, path: tuple[str, ...], step: int) -> Iterator[tuple[int, Load]]:
        """Loads out of a block that is there after `step` steps."""
        same = {plan.number for plan in block.same_id(known=True)}
        shortcuts = {plan.number for plan, _ahead in block.shortcuts()}
        for plan, place in self._edges(block, path):
            early = None
            if plan.number in same:
                early = "its key is the id that is asked for"
            elif plan.number in shortcuts:
                early = "found by its parent's parent, too"
            at = max(1, step if early else step + 1)
            yield at, self._load(plan, place, early)
            yield from self.block(self._plan.by_edge[plan.number], place, at if not early else max(step, at))

    def _edges(self, block: Block, path: tuple[str, ...]) -> Iterator[tuple[FieldPlan, tuple[str, ...]]]:
        """The edges out of a block, with where in the answer they are; each once."""
        told: set[int] = set()
        for one in block.selected.by_type.values():
            for plan, place in self._under(one.fields, path):
                if plan.number not in told:
                    told.add(plan.number)
                    yield plan, place

    def _under(self, fields: list[FieldPlan], path: tuple[str, ...]) -> Iterator[tuple[FieldPlan, tuple[str, ...]]]:
        for plan in fields:
            place = (*path, plan.key)
            if plan.kind == "edge":
                yield plan, place
            elif plan.selected is not None:
                for one in plan.selected.by_type.values():
                    yield from self._under(one.fields, place)

    def _load(self, plan: FieldPlan, path: tuple[str, ...], early: str | None) -> Load:
        edge = plan.edge
        assert edge is not None  # noqa: S101  # only edges are loads
        if isinstance(edge.key, str):
            keys = f"{plan.parent.name}.{edge.key}"
        elif edge.same_id:
            keys = f"{plan.parent.name}.id"
        elif plan.above is None:
            keys = "the arguments"
        else:
            keys = f"several of each {plan.parent.name}" if edge.many else f"each {plan.parent.name}"
        return Load(
            (".".join(path),),
            edge.loader.__name__,
            edge.system,
            keys,
            self._reads(plan.type, plan),
            early,
            "the parent does not hold it already" if edge.known else None,
        )

    def _reads(self, kind: GraphQLOutputType, plan: FieldPlan) -> tuple[str, ...]:
        named = get_named_type(kind)
        if is_leaf_type(named):
            return (plan.definition.python_name,) if plan.definition else ()
        if isinstance(named, GraphQLObjectType) and (nodes := named.fields.get("nodes")) is not None:
            named = get_named_type(nodes.type)
        return tuple(sorted(self._selection.get(named.name, ())))

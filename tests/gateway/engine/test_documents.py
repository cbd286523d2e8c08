"""What the cache of documents holds, for how long, and of whom."""

import gc
import tracemalloc
from typing import Any

import pytest

from gateway.engine import Engine, Prepared
from gateway.engine.documents import Documents
from schema import build_schema

WEIGHT = 1000
SIZE = 100 * WEIGHT


def document(name: str) -> Prepared:
    return Prepared(name, None, {}, {}, {})  # type: ignore[arg-type]  # the cache does not look into it


@pytest.fixture
def documents() -> Documents:
    return Documents(SIZE, lambda _one: WEIGHT)


def use(documents: Documents, name: str, caller: str) -> bool:
    """Use a document as the engine does; whether it was there."""
    known = documents.get(name, caller)
    if known is None:
        documents.put(document(name), caller)
    return known is not None


def test_one_caller_pushes_out_only_their_own(documents: Documents) -> None:
    assert [use(documents, "usual", who) for who in ("a", "b", "a")] == [False, True, True]
    assert [use(documents, "mine", "c") for _ in range(2)] == [False, True]
    for number in range(500):
        for _ in range(3):
            use(documents, f"flood {number}", "hostile")
    assert use(documents, "usual", "d")
    assert use(documents, "mine", "c")
    assert not use(documents, "flood 0", "hostile")
    assert documents.held <= SIZE / 4


def test_many_callers_push_out_what_was_used_once_before_what_was_used_twice(documents: Documents) -> None:
    for _ in range(2):
        use(documents, "usual", "a")
    for number in range(500):
        use(documents, f"once {number}", f"caller {number}")
    assert use(documents, "usual", "a")
    assert not use(documents, "once 0", "caller 0")
    assert documents.held <= SIZE


def test_what_grew_makes_room() -> None:
    weights = {"small": WEIGHT, "grows": WEIGHT}
    documents = Documents(SIZE, lambda one: weights[one.source])
    for name in weights:
        use(documents, name, "a")
        use(documents, name, "b")
    grown = documents.get("grows", "a")
    assert grown is not None
    weights["grows"] = SIZE
    documents.weigh_again(grown)
    assert documents.get("grows", "a") is None
    assert documents.get("small", "a") is not None


def _long(source: str) -> Any:
    return pytest.param(source, marks=pytest.mark.long)


@pytest.fixture(scope="module")
def engine() -> Engine:
    return Engine(build_schema())


@pytest.mark.parametrize(
    "source",
    [
        "{ me { id name accounts { id name } } }",
        _long("{" + " ".join(f'n{n}: node(id: "x") {{ __typename id }}' for n in range(30)) + "}"),
        "{ me {" + " ".join(f'b{n}: bills(since: "2020-01-01") {{ nodes {{ id }} }}' for n in range(30)) + "} }",
        _long("{ me {" + " ".join(f'b{n}: bills(since: "2020-01-01") {{ nodes {{ id }} }}' for n in range(94)) + "} }"),
        _long("{ nodes(ids: [" + '"a" ' * 1900 + "]) { id } }"),
        '{ node(id: "' + "x" * 60_000 + '") { id } }',
        _long("{ me { " + "name " * 490 + "} }"),
    ],
    ids=["small", "every type", "edges", "many edges", "values", "a long text", "one field"],
)
def test_a_document_weighs_about_what_it_holds(engine: Engine, source: str) -> None:
    def made(text: str) -> Any:
        prepared = engine.prepare(text)
        assert isinstance(prepared, Prepared)
        engine.explain(prepared, prepared.operations[None], None)
        return prepared

    made(source + " #")  # what the first one makes for all
    gc.collect()
    tracemalloc.start()
    try:
        prepared = made(source)
        gc.collect()
        held, _peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert held / 2 <= engine.weight(prepared) <= held * 2

"""A schema for the engine without anything else of ours: posts and users, by plain loaders of aiodataloader.

`test_alone` runs this file in a process of its own, beside a copy of the engine and nothing else.
"""

import asyncio
import json
import sys
from types import SimpleNamespace
from typing import Any

OURS = ("schema", "resolvers", "connectors", "sandbox", "tests")
sys.modules.update(dict.fromkeys(OURS))  # type: ignore[arg-type]  # whoever imports one of these now fails

import strawberry  # noqa: E402
from aiodataloader import DataLoader  # noqa: E402

from gateway.engine import Engine  # noqa: E402

PLAIN = dict.fromkeys(("system", "step", "known", "prefetch"))
PLAIN["besides"] = {}
PLAIN |= dict.fromkeys(("many", "per_key", "by_id", "same_id"), False)


def edge(loader: type[Any], key: str, **more: Any) -> Any:
    return strawberry.field(metadata={"edge": SimpleNamespace(loader=loader, key=key, **(PLAIN | more))})


def computed(function: Any) -> Any:
    return strawberry.field(metadata={"pure": SimpleNamespace(takes_context=False, bound=lambda _context, _: function)})


class Context:
    has_gaps = False

    def __init__(self) -> None:
        self.loaders: dict[Any, Any] = {}

    def loader(self, kind: Any) -> Any:
        if kind not in self.loaders:
            self.loaders[kind] = kind()
        return self.loaders[kind]

    def renew(self) -> None:
        self.loaders.clear()


POSTS = {key: SimpleNamespace(id=key, title=f"post {key}", author_id=key % 2) for key in range(4)}
USERS = {key: SimpleNamespace(id=key, name=name) for key, name in enumerate(("Ada", "Bob"))}
asked: list[tuple[str, list[int]]] = []


# fmt: off
class UserById(DataLoader):
    async def batch_load_fn(self, ids: list[int]) -> list[Any]:
        asked.append(("UserById", ids))
        return [USERS.get(one) for one in ids]

class PostsByUser(DataLoader):
    async def batch_load_fn(self, ids: list[int]) -> list[Any]:
        asked.append(("PostsByUser", ids))
        return [[post for post in POSTS.values() if post.author_id == one] for one in ids]

@strawberry.type
class User:
    name: str
    posts: list["Post"] = edge(PostsByUser, "id")

@strawberry.type
class Post:
    title: str
    author: User | None = edge(UserById, "author_id")

@strawberry.type
class Query:
    posts: list[Post] = computed(lambda _root: list(POSTS.values()))

@strawberry.type
class Mutation:
    @strawberry.mutation
    async def write(self, title: str) -> Post:
        asked.append((f"write {title}", []))
        return POSTS.setdefault(len(POSTS), SimpleNamespace(id=len(POSTS), title=title, author_id=0))  # type: ignore[return-value]
# fmt: on


async def main(documents: list[str]) -> list[dict[str, Any]]:
    executors: list[str | None] = []
    engine = Engine(strawberry.Schema(Query, Mutation), executed=executors.append)
    answers = []
    for document in documents:
        prepared: Any = engine.prepare(document)
        outcome = await engine.execute(prepared, engine.operation(prepared, None), {}, Context())  # type: ignore[arg-type]
        errors = [error.message for error in outcome.errors]
        answers.append({"data": outcome.data, "errors": errors, "fallback": executors.pop(), "asked": asked.copy()})
        asked.clear()
    return answers


if __name__ == "__main__":
    answers = asyncio.run(main(sys.argv[1:]))
    engine = sys.modules["gateway.engine"].__file__
    imported = sorted(name for name, one in sys.modules.items() if one is not None and name.split(".")[0] in OURS)
    print(json.dumps({"answers": answers, "engine": engine, "imported": imported}))

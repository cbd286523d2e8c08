"""A Redis (or Valkey) Cluster: each command goes to the node that has its key's slot.

redis-py has a client for clusters. It is not used, as it breaks promises that the stores make: it fails where all
connections are in use instead of waiting; it never learns of a failover by commands that are given up (a node whose
network is gone answers nothing); every fifth MOVED cuts the connections under everybody's commands; and ASKING may go
over another connection than the command it is for. Connections, protocol and errors are redis-py's here, too.
"""

import asyncio
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Final

from redis.asyncio import Redis
from redis.commands.core import AsyncScript
from redis.crc import REDIS_CLUSTER_HASH_SLOTS, key_slot
from redis.exceptions import AskError, ClusterDownError, MovedError, NoScriptError, RedisError
from redis.exceptions import ConnectionError as NoConnection

from connectors.store.address import Node, Place
from connectors.store.sought import Sought, failures, refusal, sent

_SEEK: Final = 1.0
"""Seconds in which a node tells who has which slots."""

_PAUSE: Final = 0.25
"""Seconds between the beginnings of two searches."""

_REDIRECTIONS: Final = 4

_View = tuple[tuple[int, int, Node], ...]
"""First and last slot, and who has them; in their order."""


class _Script(AsyncScript):
    """Sent by its hash, or else whole, to the node of its keys. Loading it would be for all nodes."""

    def __init__(self, client: Redis, text: str) -> None:
        super().__init__(client, text)
        self._text = text

    async def __call__(self, keys: Any = None, args: Any = None, client: Any = None) -> Any:
        asked, arguments = client or self.registered_client, (*(keys or ()), *(args or ()))
        try:
            return await asked.evalsha(self.sha, len(keys or ()), *arguments)
        except NoScriptError:
            return await asked.eval(self._text, len(keys or ()), *arguments)


class RedisCluster(Redis):
    """Takes commands whose first argument is a key, and scripts. All keys of one command are in one slot.

    Who has which slots is learnt at the first command, and anew (behind the commands, which do not wait for it) when a
    node sends a command elsewhere, cannot be reached, or does not answer in the time that its asker has.
    """

    def __init__(self, place: Place, client: Callable[[Node], Redis]) -> None:
        """`client`: for one node, with connections of its own."""
        self._place, self._client = place, client
        self._clients = {node: client(node) for node in place.nodes}
        super().__init__(connection_pool=self._clients[place.nodes[0]].connection_pool)
        self._owners: list[Node | None] = []
        """By slot; empty until they are known."""
        self._sought, self._sought_at = Sought(self._learn), float("-inf")

    async def execute_command(self, *args: Any, **options: Any) -> Any:
        """Ask the node that has the key's slot, and where that one sends on to. Nothing is done twice by that."""
        if not self._owners:
            await self._sought.found()
        slot = self._slot(args)
        if (owner := self._owners[slot]) is None:
            self._seek()
            raise ClusterDownError(f"no node has the slot {slot}")
        client, is_asking = self._of(owner), False
        for _ in range(_REDIRECTIONS):
            try:
                return await _asked(client, args, options, is_asking=is_asking)
            except AskError as error:  # MovedError is one
                owner, is_asking = (error.host or owner[0], error.port), not isinstance(error, MovedError)
                client = self._of(owner)
                if not is_asking:
                    self._owners[slot] = owner
                    self._seek()
            except (NoConnection, ClusterDownError, OSError, asyncio.CancelledError):
                self._seek()
                raise
        raise RedisError(f"the nodes of the cluster send each other the slot {slot}")

    async def alone(self, key: str) -> Redis:
        """A new client of the node that has a key's slot now. Whoever asked for it closes it."""
        if not self._owners:
            await self._sought.found()
        if (owner := self._owners[self._slot(("", key))]) is None:
            raise ClusterDownError(f"no node has the slot of {key}")
        return self._client(owner)

    async def primaries(self) -> Sequence[Redis]:
        """The clients of all nodes that have slots, as they are now."""
        await self._sought.found()
        return [self._of(node) for node in dict.fromkeys(self._owners) if node is not None]

    async def renew(self) -> None:
        """Learn anew who has which slots, and close the connections that nobody uses now."""
        self._seek()
        for client in self._clients.values():
            await client.connection_pool.disconnect(inuse_connections=False)

    def register_script(self, script: Any) -> Any:
        """As redis-py's."""
        return _Script(self, script)

    def pipeline(self, transaction: bool = True, shard_hint: str | None = None) -> Any:
        """Not here: several commands in one go are for one node."""
        raise RedisError("a pipeline goes to one node: ask for one by `alone`")

    async def aclose(self, close_connection_pool: bool | None = None) -> None:
        """Close all connections."""
        await self._sought.close()
        for client in self._clients.values():
            await client.aclose()

    def _slot(self, args: Sequence[Any]) -> int:
        key = args[3] if args[0] in ("EVAL", "EVALSHA") else args[1]
        return key_slot(key.encode() if isinstance(key, str) else bytes(key))

    def _of(self, node: Node) -> Redis:
        if node not in self._clients:
            self._clients[node] = self._client(node)
        return self._clients[node]

    def _seek(self) -> None:
        if (now := time.monotonic()) >= self._sought_at + _PAUSE:
            self._sought_at = now
            self._sought.begin()

    async def _learn(self) -> None:
        """Take what most nodes say, as one that is cut off from the others does not hear of a failover."""
        known = list(dict.fromkeys([*self._place.nodes, *self._clients]))
        asked = [asyncio.create_task(self._view(node)) for node in known]
        views: Counter[_View] = Counter()
        nodes: dict[_View, frozenset[Node]] = {}
        wrong: list[Exception] = []
        try:
            for answer in asyncio.as_completed(asked):
                try:
                    view, all_nodes = await answer
                except (RedisError, OSError, TimeoutError) as error:
                    wrong.append(error)
                    continue
                views[view] += 1
                nodes[view] = all_nodes
                if views[view] > len(known) / 2:
                    break
        finally:
            for task in asked:
                task.cancel()
            await asyncio.gather(*asked, return_exceptions=True)
        if not views:
            raise refusal(wrong) or NoConnection(f"no node of the cluster says who has which slots: {failures(wrong)}")
        ((view, _),) = views.most_common(1)
        owners: list[Node | None] = [None] * REDIS_CLUSTER_HASH_SLOTS
        for first, last, node in view:
            owners[first : last + 1] = [node] * (last + 1 - first)
        self._owners = owners
        for node in self._clients.keys() - nodes[view] - {*self._place.nodes}:
            await self._clients.pop(node).aclose()

    async def _view(self, node: Node) -> tuple[_View, frozenset[Node]]:
        async with asyncio.timeout(_SEEK):
            told: Any = await sent(self._of(node), "CLUSTER SLOTS")
        found = [(first, last, *_nodes(nodes, node[0])) for first, last, *nodes in told]
        if not found:
            raise NoConnection(f"{node[0]}:{node[1]} knows of no slots")
        view = tuple(sorted((first, last, primary) for first, last, primary, *_ in found))
        return view, frozenset(node for _, _, *nodes in found for node in nodes)


def _nodes(told: Sequence[Sequence[Any]], asked: str) -> Iterator[Node]:
    """The primary and its replicas. One without a host has the host that was asked."""
    for host, port, *_ in told:
        yield (host.decode() if isinstance(host, bytes) else host) or asked, int(port)


async def _asked(client: Redis, args: Sequence[Any], options: dict[str, Any], *, is_asking: bool) -> Any:
    if not is_asking:
        return await sent(client, *args, **options)
    both = client.pipeline(transaction=False)
    both.execute_command("ASKING")
    both.execute_command(*args, **options)
    return (await both.execute())[1]

"""Rows of one system that outlive a request, for types that the operator names: what is asked before the driver is.

This is beneath the calls that requests of one process share (`connectors.sharing.queue`): of what they miss together,
one process asks the driver, and the others wait for it, for a while, and then ask themselves.

What is kept is what the driver answered: ids are not translated yet, and nobody's rights have been looked at. That
happens above, for each request, as with rows that were just read.
"""

from collections.abc import Callable, Collection, Hashable, Mapping, Sequence
from importlib.metadata import version
from typing import Any, Final

import msgspec
from yarl import URL

from connectors.http.scope import RequestScope, current_scope
from connectors.settings import System
from connectors.sharing.kept_loading import Ask, Loading
from connectors.sharing.kept_types import CachedType, Counted, Keeping, KeptMethod, digest, kept_methods
from connectors.store.rows_in_redis import RowsInRedis, Times

SETTLES: Final = 1.0
"""Seconds after an event for which nothing is kept: some systems tell of a change before it can be read."""

_GATEWAY: Final = version("opticom-gateway")


class KeptRows:
    """The rows of one system that are kept."""

    def __init__(
        self,
        store: RowsInRedis,
        domain: str,
        port: type[Any],
        system: System,
        configuration: object,
        types: Mapping[str, CachedType],
        keeping: Mapping[str, Keeping],
        counted: Counted,
    ) -> None:
        """`types` are those of the domain; `keeping` are those that the operator names, of any domain.

        `configuration` is the driver's, whose `repr` has no secrets: other names are made of it, too.
        """
        self._store, self._domain, self._counted = store, domain, counted
        self._types = {name: one for name, one in types.items() if name in keeping}
        self._is_personal = system.is_personal
        self._lease = system.timeout + system.connect_timeout
        self._reads_after = system.reads_after
        # The `repr` of settings leaves out what is secret: names can be read by whoever may look into Redis.
        bare = system.model_copy(update={"options": {}, "profile": {}})
        self._system = digest(repr((domain, bare, URL(system.url).user, configuration)).encode())
        self.methods = dict(kept_methods(port, self._types, keeping))

    def __bool__(self) -> bool:
        return bool(self.methods)

    async def changed(self, changed: Collection[str], quiet: float = 0.0) -> None:
        """Records of these types of the graph may have changed; of any type, if there are none."""
        names = [name for name, one in self._types.items() if not changed or not one.changes_with.isdisjoint(changed)]
        if names:
            await self._store.evict([self._group(name) for name in names], max(quiet, self._reads_after))
            for name in names:
                self._counted(name, "eviction", 1)

    async def load(
        self,
        method: KeptMethod,
        ask: Ask,
        keys: Mapping[Hashable, Any],
        arguments: Sequence[Any],
        result_key: Callable[[Any], Any],
    ) -> Mapping[Any, Any]:
        """What `ask` would find for the arguments `keys`, by result key; they are named by their identity.

        `arguments` are those beside the keys: two calls of the same ones get the same answer. Raises as `ask` does.
        """
        scope = current_scope.get()
        named = None if scope is None else self._named(method, keys, arguments, scope)
        if scope is None or named is None:
            return await ask(list(keys.values()))
        group, times = self._group(method.type_name), self._times(method)
        loading = Loading(self._store, self._domain, group, method, ask, result_key, scope, times, self._counted)
        return await loading.load(named)

    def _group(self, type_name: str) -> str:
        return f"{self._system}:{type_name}"

    def _times(self, method: KeptMethod) -> Times:
        keeping = method.keeping
        return Times(keeping.seconds, keeping.seconds + keeping.stale, self._lease)

    def _named(
        self, method: KeptMethod, keys: Mapping[Hashable, Any], arguments: Sequence[Any], scope: RequestScope
    ) -> dict[str, Any] | None:
        """The keys by the names of their rows; None where nothing can be kept: of a caller who is nobody."""
        whose = ""
        if self._is_personal:
            if scope.token is None:
                return None
            whose = digest(scope.token.encode())
        asked = (self._system, method.name, _GATEWAY, whose, arguments)
        before = method.encoded_by + msgspec.json.encode(asked, order="deterministic")
        return {digest(before + msgspec.json.encode(key, order="deterministic")): one for key, one in keys.items()}

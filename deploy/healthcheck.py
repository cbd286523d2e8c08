"""Whether the gateway in this container lives: exit code 0, or 1 with the reason. The image has no curl.

It asks /healthz at the address that the environment names, as the image's own settings do.
"""

import os
import sys
from http.client import HTTPConnection, HTTPException

PATIENCE = 3.0
"""Seconds for the answer; the Dockerfile's --timeout is longer."""


def main() -> None:
    """Ask once. Exits with 1 where there is no answer, or another than 200."""
    port = int(os.environ.get("GATEWAY_SERVER__PORT", "8000"))
    connection = HTTPConnection("127.0.0.1", port, timeout=PATIENCE)
    try:
        connection.request("GET", "/healthz")
        status = connection.getresponse().status
    except (OSError, HTTPException) as error:
        sys.exit(f"port {port}: no answer: {error}")
    finally:
        connection.close()
    if status != 200:
        sys.exit(f"port {port}: /healthz answers {status}")


if __name__ == "__main__":
    main()

"""`make audit`: do known weaknesses concern what is installed in production? Asks the OSV database, by pip-audit.

Exit codes: 0 none is known, or no database could be asked, which one sentence says; 1 there are some, and pip-audit's
table says which; 2 pip-audit failed otherwise, and its own words say why.
"""

import subprocess
import sys
from pathlib import Path

LOCK = Path(__file__).with_name("runtime.lock")
COMMAND = ("pip_audit", "--requirement", str(LOCK), "--require-hashes", "--disable-pip")
SERVICE = ("--vulnerability-service", "osv", "--progress-spinner", "off", "--timeout", "10")
FOUND = "known vulnerabilit"
UNREACHABLE = ("ConnectionError", "Timeout", "ProxyError", "SSLError")  # as requests names them
NOT_ASKED = (
    "Nothing was audited: no database of advisories can be reached from here. Run `make audit` where https leads to"
    " api.osv.dev, or give build/sbom.json (`make sbom`) to a scanner that has a database of its own."
)


def main() -> int:
    """Ask, print what it says, and give the exit code."""
    asked = subprocess.run(  # noqa: S603  # this Python, and constants
        [sys.executable, "-m", *COMMAND, *SERVICE], capture_output=True, text=True, check=False
    )
    said = asked.stdout + asked.stderr
    if asked.returncode == 0 or FOUND in said:
        print(said.strip())
        return asked.returncode
    if any(word in said for word in UNREACHABLE):
        print(NOT_ASKED, file=sys.stderr)
        return 0
    print(said.strip(), file=sys.stderr)
    return 2


if __name__ == "__main__":
    sys.exit(main())

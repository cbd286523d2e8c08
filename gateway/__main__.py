"""`python -m gateway`: the same as the `gateway` command."""

import sys

if sys.version_info < (3, 11):  # noqa: UP036 - whoever starts it this way has not asked pip
    sys.exit("The gateway needs Python 3.11 or newer; this is {}.{}.".format(*sys.version_info[:2]))

from gateway.commands.cli import main

main()

"""What the start script's seed of Request Tracker lacks for writing: the custom fields of `rt_fields.pl`."""

import os
import subprocess
import tempfile
from pathlib import Path
from typing import Final

from acceptance.products import PRODUCTS, Unfit

SCRIPT: Final = Path(__file__).with_suffix(".pl")


def make_fields() -> None:
    """Make the fields, where they are not there, in the Request Tracker that the start script runs on this machine.

    Raises `Unfit`. One that runs elsewhere needs its administrator: the script says what to make.
    """
    live = os.environ.get("LIVE_ROOT") or Path(tempfile.gettempdir()) / "live"
    configuration = Path(live) / PRODUCTS["rt"].folder / "etc"
    environment = os.environ | {
        "RT_SITE_CONFIG": str(configuration / "RT_SiteConfig.pm"),
        "RT_SITE_CONFIG_DIR": str(configuration / "none.d"),
    }
    done = subprocess.run(  # noqa: S603  # a script of ours
        ["perl", str(SCRIPT)],  # noqa: S607  # the one that runs Request Tracker
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    if done.returncode:
        raise Unfit(f"{SCRIPT.name} ended with {done.returncode}:\n{done.stdout[-1500:]}")


if __name__ == "__main__":
    make_fields()

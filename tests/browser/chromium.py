"""The Chromium that the tests drive: the system's own, found or, on Debian, installed.

``python -m tests.browser.chromium`` prints where it is, after installing it if need be.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")

# Debian's package brings no fonts along; without them a screenshot shows empty boxes.
PACKAGES = ("chromium", "fonts-dejavu-core", "fonts-liberation")

FLAGS = (
    "--headless",
    "--no-sandbox",  # the sandbox refuses root, which is who CI is
    "--disable-gpu",
    "--disable-quic",
    "--disable-background-networking",  # these: no calls home, which a closed network refuses
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
)

HOW_TO = (
    "The browser tests need Chromium: install it, or say where it is with CHROMIUM=/path/to/chrome."
)


class ChromiumMissingError(Exception):
    """No Chromium here; the text says what to do."""


def find() -> str | None:
    """Path of the browser: what CHROMIUM says, else the first known name on the PATH.

    Raises:
        ChromiumMissingError: CHROMIUM names something that cannot be run.
    """
    named = os.environ.get("CHROMIUM")
    if named:
        found = shutil.which(named)
        if found is None:
            raise ChromiumMissingError(f"CHROMIUM={named} is not a program; correct or unset it.")
        return found
    return next((path for name in NAMES if (path := shutil.which(name))), None)


def require() -> str:
    """Path of the browser.

    Raises:
        ChromiumMissingError: there is none.
    """
    found = find()
    if found is None:
        raise ChromiumMissingError(HOW_TO)
    return found


def install() -> None:
    """Install Debian's Chromium and the fonts it needs.

    Raises:
        ChromiumMissingError: this is no Debian, or neither root nor sudo is at hand.
        subprocess.CalledProcessError: apt-get failed; it has said why.
    """
    if shutil.which("apt-get") is None:
        raise ChromiumMissingError(HOW_TO)
    prefix = [] if os.geteuid() == 0 else ["sudo"]
    if prefix and shutil.which("sudo") is None:
        raise ChromiumMissingError(
            f"{HOW_TO} On Debian, as root: apt-get install {' '.join(PACKAGES)}"
        )
    apt = [*prefix, "env", "DEBIAN_FRONTEND=noninteractive", "apt-get", "-qq"]
    subprocess.run([*apt, "update"], check=True)
    # No standard output: dpkg tells of each package it unpacks. Complaints still come through.
    subprocess.run(
        [*apt, "install", "-y", "--no-install-recommends", *PACKAGES],
        check=True,
        stdout=subprocess.DEVNULL,
    )


def main() -> int:
    """Find Chromium, or install it; 0 when it is there afterwards."""
    try:
        if find() is None:
            print(f"Installing {' '.join(PACKAGES)} with apt-get", file=sys.stderr)
            install()
        print(require())
    except (ChromiumMissingError, subprocess.CalledProcessError) as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())

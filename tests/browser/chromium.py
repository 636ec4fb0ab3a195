"""The system's Chromium, which the tests drive; on Debian it can be installed from here.

``python -m tests.browser.chromium`` prints its path, and installs it first if it is missing.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")

# Debian's package contains no fonts; without fonts a screenshot shows empty boxes.
PACKAGES = ("chromium", "fonts-dejavu-core", "fonts-liberation")

FLAGS = (
    "--headless",
    "--no-sandbox",  # the sandbox refuses root, the user of CI
    "--disable-gpu",
    "--disable-quic",
    "--disable-background-networking",  # from here: no requests to other machines
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
)

HOW_TO = "The browser tests need Chromium: install it, or set CHROMIUM=/path/to/chrome."


class ChromiumMissingError(Exception):
    """Chromium is missing; the text says what to do."""


def find() -> str | None:
    """Path of the browser: CHROMIUM from the environment, else the first of NAMES on the PATH.

    Raises:
        ChromiumMissingError: CHROMIUM is not a program.
    """
    named = os.environ.get("CHROMIUM")
    if named:
        path = shutil.which(named)
        if path is None:
            raise ChromiumMissingError(f"CHROMIUM={named} is not a program; correct or unset it.")
        return path
    return next((path for name in NAMES if (path := shutil.which(name))), None)


def require() -> str:
    """Path of the browser.

    Raises:
        ChromiumMissingError: it is missing.
    """
    path = find()
    if path is None:
        raise ChromiumMissingError(HOW_TO)
    return path


def install() -> None:
    """Install Debian's Chromium and the fonts it needs.

    Raises:
        ChromiumMissingError: this is not Debian, or there is neither root nor sudo.
        subprocess.CalledProcessError: apt-get failed; its error is printed.
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
    # dpkg prints a line for each package; only its errors are shown.
    subprocess.run(
        [*apt, "install", "-y", "--no-install-recommends", *PACKAGES],
        check=True,
        stdout=subprocess.DEVNULL,
    )


def main() -> int:
    """Find or install Chromium; 0 if it is there afterwards."""
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

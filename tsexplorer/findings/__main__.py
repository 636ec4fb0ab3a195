"""``python -m tsexplorer.findings NAME``: write a trained finding into ``assets/findings/``.

``python -m tsexplorer sweep --finding NAME`` trains it first (``make findings`` does both). With
a folder behind the name, a try-out of another grid is written there instead.
"""

from __future__ import annotations

import sys
from pathlib import Path

from tsexplorer.errors import UserError
from tsexplorer.findings.shipped import ship
from tsexplorer.service import Service
from tsexplorer.settings import get_settings


def main(name: str, *folder: str) -> None:
    """Write a finding, into ``assets/findings/`` if no folder is given; prints the file.

    Raises:
        UserError: it is not trained, or a setting is wrong.
    """
    service = Service(get_settings())
    try:
        print(ship(service, name, *map(Path, folder)))
    finally:
        service.close()


if __name__ == "__main__":
    if not 2 <= len(sys.argv) <= 3:
        raise SystemExit("Give the name of a finding, and a folder if it is not to ship.")
    try:
        main(*sys.argv[1:])
    except UserError as error:
        raise SystemExit(str(error)) from error

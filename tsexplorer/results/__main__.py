"""``python -m tsexplorer.results NAME``: write a trained recipe's figures to ``assets/results/``.

``python -m tsexplorer run NAME --seeds 3`` trains it first (``make results RECIPE=NAME`` does
both). With a folder behind the name, it is written there instead, with however few seeds.
"""

from __future__ import annotations

import sys
from pathlib import Path

from tsexplorer.errors import UserError
from tsexplorer.results.shipped import ship
from tsexplorer.service import Service
from tsexplorer.settings import get_settings


def main(name: str, *folder: str) -> None:
    """Write a recipe's figures, into ``assets/results/`` if no folder is given; prints the file.

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
        raise SystemExit("Give the name of a recipe, and a folder if it is not to ship.")
    try:
        main(*sys.argv[1:])
    except UserError as error:
        raise SystemExit(str(error)) from error

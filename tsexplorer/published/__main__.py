"""Write figures that ship: ``python -m tsexplorer.published results|maps NAME [FOLDER]``.

``results`` writes a trained recipe's figures to ``assets/results/`` (``make results RECIPE=NAME``
trains it first), ``maps`` writes a trained map to ``assets/findings/`` (``make findings``). With a
folder, the file is written there instead: for results with any number of seeds, for maps with any
grid.
"""

from __future__ import annotations

import sys
from pathlib import Path

from tsexplorer.errors import UserError
from tsexplorer.published import maps, recipe_results
from tsexplorer.services.service import Service
from tsexplorer.settings import get_settings

WRITERS = {"results": recipe_results.ship, "maps": maps.ship}


def main(what: str, name: str, *folder: str) -> None:
    """Write one file and print its path.

    Raises:
        UserError: nothing is trained under that name, or a setting is wrong.
    """
    service = Service(get_settings())
    try:
        print(WRITERS[what](service, name, *map(Path, folder)))
    finally:
        service.close()


if __name__ == "__main__":
    if not 3 <= len(sys.argv) <= 4 or sys.argv[1] not in WRITERS:
        raise SystemExit("Give results or maps, a name, and a folder to write elsewhere.")
    try:
        main(*sys.argv[1:])
    except UserError as error:
        raise SystemExit(str(error)) from error

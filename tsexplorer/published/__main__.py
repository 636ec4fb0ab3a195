"""Write figures into the package: ``python -m tsexplorer.published results|maps NAME [FOLDER]``.

``results`` writes the results of a trained recipe to ``assets/results/`` (``make results
RECIPE=NAME`` trains it first), ``maps`` writes a trained map to ``assets/findings/`` (``make
findings``). With a folder, the file goes there instead; then any number of seeds and any grid is
accepted.
"""

from __future__ import annotations

import sys
from pathlib import Path

from tsexplorer.errors import UserError
from tsexplorer.published.maps import write_map
from tsexplorer.published.recipe_results import write_results
from tsexplorer.services.service import Service
from tsexplorer.settings import get_settings

WRITERS = {"results": write_results, "maps": write_map}


def main(group: str, name: str, *folder: str) -> None:
    """Write one file and print its path.

    Raises:
        UserError: nothing with this name is trained, or a setting is wrong.
    """
    service = Service(get_settings())
    try:
        print(WRITERS[group](service, name, *map(Path, folder)))
    finally:
        service.close()


if __name__ == "__main__":
    if not 3 <= len(sys.argv) <= 4 or sys.argv[1] not in WRITERS:
        raise SystemExit("Give results or maps, a name, and optionally another folder.")
    try:
        main(*sys.argv[1:])
    except UserError as error:
        raise SystemExit(str(error)) from error

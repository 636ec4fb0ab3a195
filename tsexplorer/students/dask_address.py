"""Addresses of clusters, and whether what it takes to speak to one is installed.

Checked before anything is queued, and without importing any of it.
"""

from __future__ import annotations

import re
from importlib.util import find_spec

from tsexplorer.errors import UserError
from tsexplorer.specs import shorten

PACKAGES = ("joblib", "distributed")
SHAPE = re.compile(r"(?:(?P<scheme>\w+)://)?(?P<host>\[[0-9A-Fa-f:.]+\]|[\w.-]+):(?P<port>\d{1,5})")
SCHEMES = ("tcp", "tls")
RAY = "ray"


def checked_address(text: str) -> str:
    """The address of a Dask scheduler with its scheme; TCP where none is given.

    >>> checked_address(" box7:8786 ")
    'tcp://box7:8786'

    Raises:
        UserError: it is none, or of a kind that is not spoken here; or packages are missing.
    """
    found = SHAPE.fullmatch(text.strip())
    scheme = (found["scheme"] or SCHEMES[0]) if found else ""
    if scheme == RAY:
        raise UserError(
            "A Ray cluster is not reached by its address from here; how chunks run on Ray "
            "stands in tsexplorer/students/README.md."
        )
    if found is None or scheme not in SCHEMES or not 0 < int(found["port"]) < 2**16:
        raise UserError(
            f"{shorten(text)} is no address of a Dask scheduler; write it as tcp://HOST:PORT, "
            "for example tcp://10.0.0.7:8786."
        )
    _check_packages()
    return f"{scheme}://{found['host']}:{found['port']}"


def _check_packages() -> None:
    missing = [name for name in PACKAGES if find_spec(name) is None]
    if missing:
        raise UserError(
            f"A cluster takes packages that are not installed here ({', '.join(missing)}); run "
            "make install-cluster, or pip install -r requirements-cluster.txt."
        )

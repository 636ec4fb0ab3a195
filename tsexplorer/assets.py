"""Paths of the files that ship beside the package: the app's script, its pages and its assets.

In a checkout they are beside the folder ``tsexplorer``. In an installed package they are in
``tsexplorer/_app``, a folder that only the wheel has (see ``pyproject.toml``).
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

_PACKAGE = Path(__file__).resolve().parent
_INSTALLED = _PACKAGE / "_app"

ROOT = _INSTALLED if _INSTALLED.is_dir() else _PACKAGE.parent
APP_SCRIPT = ROOT / "app.py"
PAGES_FOLDER = ROOT / "pages"
ASSETS = ROOT / "assets"
DEMO = ASSETS / "demo"
FINDINGS = ASSETS / "findings"
RESULTS = ASSETS / "results"


def read_assets(*names: str) -> str:
    """Return text files of ``assets/``, joined in this order.

    Streamlit takes the HTML, the CSS and the JavaScript of a component as one text each. Files that
    several components share are joined in front of a component's own.
    """
    return "\n".join((ASSETS / name).read_text(encoding="utf-8") for name in names)


def read_json(file: Path) -> dict[str, Any]:
    """Read a document that :func:`write_json` wrote."""
    content: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
    return content


def write_json(file: Path, content: dict[str, Any]) -> None:
    """Write a document so that a change to it reads well as a difference."""
    file.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")

"""Where the files that ship beside the code are found."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

ASSETS = Path(__file__).resolve().parent.parent / "assets"
DEMO = ASSETS / "demo"
FINDINGS = ASSETS / "findings"
RESULTS = ASSETS / "results"


def read_json(file: Path) -> dict[str, Any]:
    """What :func:`write_json` wrote."""
    content: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
    return content


def write_json(file: Path, content: dict[str, Any]) -> None:
    """Write a document so that a change to it reads well as a difference."""
    file.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")

"""What our components have in common: their files, joined."""

from __future__ import annotations

from tsexplorer.assets import ASSETS


def joined(*names: str) -> str:
    """Files of ``assets/`` one behind the other, as one HTML, style sheet or JavaScript module.

    Streamlit takes a component's code as one text each, so what components share is joined to it.
    """
    return "\n".join((ASSETS / name).read_text(encoding="utf-8") for name in names)

"""One colour each for teacher, baseline and distilled, everywhere, on light and dark.

Taken from Okabe and Ito's set, which people with colour-blindness tell apart; each has a dash
and a symbol of its own besides, so that no line is told by colour alone.
"""

from __future__ import annotations

from dataclasses import dataclass

from tsexplorer.specs import Role

TITLES: dict[Role, str] = {
    "teacher": "Teacher",
    "baseline": "Baseline",
    "distilled": "Distilled",
}
ECHARTS_SYMBOLS: dict[Role, str] = {"teacher": "rect", "baseline": "circle", "distilled": "diamond"}
ECHARTS_LINES: dict[Role, str] = {"teacher": "solid", "baseline": "dashed", "distilled": "solid"}
PLOTLY_SYMBOLS: dict[Role, str] = {
    "teacher": "square",
    "baseline": "circle",
    "distilled": "diamond",
}


@dataclass(frozen=True)
class Palette:
    """Colours on one background, as CSS hex.

    Attributes:
        terms: of what is no role, in order; the last is like text.
    """

    teacher: str
    baseline: str
    distilled: str
    text: str
    muted: str
    grid: str
    terms: tuple[str, ...]

    def __getitem__(self, role: Role) -> str:
        """The role's colour."""
        colour: str = getattr(self, role)
        return colour


LIGHT = Palette(
    "#0072B2",
    "#6B6B6B",
    "#C44E00",
    "#1F2328",
    "#59636E",
    "#E3E6EA",
    ("#00795B", "#A8497F", "#8A6D00", "#1F2328"),
)
DARK = Palette(
    "#56B4E9",
    "#B0B0B0",
    "#FF9248",
    "#E8EAED",
    "#A4ADB8",
    "#33383F",
    ("#2FC79B", "#E29AC6", "#E0CE4A", "#E8EAED"),
)

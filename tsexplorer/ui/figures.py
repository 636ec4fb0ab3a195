"""Figures that were drawn before: Plotly takes a twentieth of a second to build one.

Small images made large enough to look at.

Figures and their numbers, to take away.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from types import FunctionType
from typing import TYPE_CHECKING, Any

import pandas as pd
import streamlit as st

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


def _name(build: FunctionType) -> str:
    return f"{build.__module__}.{build.__qualname__}"


@st.cache_resource(max_entries=64, show_spinner=False, hash_funcs={FunctionType: _name})
def drawn(build: Callable[..., Any], *parts: Any) -> Any:
    """What ``build`` makes of its parts; of the same parts, the same figure again.

    It is shared between visitors: nobody changes it.
    """
    return build(*parts)


def enlarged(pixels: NDArray[np.uint8], scale: int) -> NDArray[np.uint8]:
    """An image with each pixel as a square, so that no browser blurs it."""
    return pixels.repeat(scale, 0).repeat(scale, 1)


PICTURE = "picture"
FORMATS = ("PNG", "SVG")


def picture_format() -> None:
    """Which kind of picture the camera above a figure saves."""
    st.segmented_control(
        "Pictures as",
        FORMATS,
        default="PNG",
        key=PICTURE,
        required=True,
        help="What the camera that appears above a figure saves.",
    )


def figure(drawn: Any, key: str, **options: Any) -> Any:
    """Show a Plotly figure that can be saved as PNG or SVG."""
    kind = str(st.session_state.get(PICTURE, "PNG")).lower()
    config = {
        "displaylogo": False,
        "toImageButtonOptions": {"format": kind, "filename": key, "scale": 2},
        "modeBarButtonsToRemove": ["select2d", "lasso2d", "autoScale2d"],
    }
    return st.plotly_chart(drawn, key=key, config=config, **options)


def numbers_button(table: pd.DataFrame, name: str) -> None:
    """Offer a figure's numbers as CSV."""
    file = re.sub(r"[^A-Za-z0-9.]+", "-", name).strip("-")
    st.download_button(
        "Numbers (CSV)",
        table.to_csv(index=False).encode(),
        file_name=f"{file}.csv",
        mime="text/csv",
        key=f"csv_{file}",
        icon=":material/download:",
        on_click="ignore",
    )

"""Figures and images on pages, and their downloads."""

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

IMAGE_FORMAT = "picture"
"""Session key of the format in which figures are saved."""
IMAGE_FORMATS = ("PNG", "SVG")


def _qualified_name(function: FunctionType) -> str:
    return f"{function.__module__}.{function.__qualname__}"


@st.cache_resource(max_entries=64, show_spinner=False, hash_funcs={FunctionType: _qualified_name})
def cached_figure(build: Callable[..., Any], *args: Any) -> Any:
    """Return ``build(*args)``, cached: Plotly takes about 50 ms to build a figure.

    All visitors share the figure, so it must not be changed.
    """
    return build(*args)


def figure(plotly_figure: Any, key: str, **options: Any) -> Any:
    """Show a Plotly figure that can be saved as PNG or SVG."""
    image_format = str(st.session_state.get(IMAGE_FORMAT, IMAGE_FORMATS[0])).lower()
    config = {
        "displaylogo": False,
        "toImageButtonOptions": {"format": image_format, "filename": key, "scale": 2},
        "modeBarButtonsToRemove": ["select2d", "lasso2d", "autoScale2d"],
    }
    return st.plotly_chart(plotly_figure, key=key, config=config, **options)


def image_format_control() -> None:
    """Draw the choice of the format in which the camera button above a figure saves it."""
    st.segmented_control(
        "Pictures as",
        IMAGE_FORMATS,
        default=IMAGE_FORMATS[0],
        key=IMAGE_FORMAT,
        required=True,
        help="The format of a figure that you save with the camera button above it.",
    )


def csv_button(table: pd.DataFrame, name: str) -> None:
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


def enlarged(pixels: NDArray[np.uint8], scale: int) -> NDArray[np.uint8]:
    """Return an image with each pixel as a square of pixels, so that the browser does not blur it.

    Args:
        pixels: H×W.
        scale: side of a square.

    Returns:
        ``scale``·H × ``scale``·W.
    """
    return pixels.repeat(scale, 0).repeat(scale, 1)

"""Small pictures in a row that wraps; each opens in the lens."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import streamlit as st

from tsexplorer.analysis.words import with_article
from tsexplorer.ui.pixels import enlarged
from tsexplorer.ui.soft_targets.sight import Sight, open_image

SCALE = 3
WIDTH = 28 * SCALE + 16


def gallery(sight: Sight, places: Sequence[int], words: Callable[[int], str], key: str) -> None:
    """Draw images, each with a caption and a button that opens it.

    Args:
        sight: whose images.
        places: which, by their place in the split.
        words: the caption of an image, markdown.
        key: of the gallery on its page.
    """
    with st.container(horizontal=True, gap="small", key=key):
        for place in places:
            with st.container(width=WIDTH, gap="xsmall"):
                st.image(
                    enlarged(sight.images.pixels_N[place], SCALE),
                    width=28 * SCALE,
                    alt=f"image {place}, {with_article(class_of(sight, place))}",
                )
                st.button(
                    words(place),
                    key=f"{key}_{place}",
                    on_click=open_image,
                    args=(place,),
                    help=f"Open image {place} in the lens",
                    type="tertiary",
                )


def class_of(sight: Sight, place: int) -> str:
    """An image's true class by name."""
    return sight.images.classes[int(sight.images.labels_N[place])]

"""One image through the temperature lens, and its like."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd
import streamlit as st

from tsexplorer.analysis.formatting import with_article
from tsexplorer.plots.style import TITLES
from tsexplorer.ui.figures import numbers_button
from tsexplorer.ui.lens import lens
from tsexplorer.ui.router import path_of
from tsexplorer.ui.soft_targets.images import class_of, gallery
from tsexplorer.ui.soft_targets.page_state import IMAGE, TEMPERATURE, Sight

if TYPE_CHECKING:
    from tsexplorer.specs import Role

ALIKE = 14


def view(sight: Sight) -> None:
    """The lens, ways to other images, and T's way into the next experiment."""
    _other_images(sight)
    released = lens(
        logits={role: z_NC[sight.place].tolist() for role, z_NC in sight.logits.items()},
        label=sight.label,
        classes=sight.images.classes,
        image=sight.images.pixels_N[sight.place],
        temperature=sight.temperature,
        key="lens",
    )
    temperature = sight.temperature if released is None else released
    st.session_state[TEMPERATURE[0]] = temperature
    with st.container(horizontal=True):
        if st.button(
            f"Train with T = {temperature:.3g}",
            key="train_with_t",
            icon=":material/model_training:",
        ):
            st.switch_page(path_of("train"), query_params={"T": str(temperature)})
        numbers_button(_table(sight, temperature), f"image-{sight.place}-T-{temperature:.3g}")
    _look_alikes(sight)


def _other_images(sight: Sight) -> None:
    size = len(sight.images.labels_N)
    with st.container(horizontal=True, vertical_alignment="bottom"):
        st.number_input(f"Image (0 to {size - 1:,})", 0, size - 1, key=IMAGE[0], width=180, step=1)
        st.button(
            "Surprise me", key="any_image", icon=":material/casino:", on_click=_draw, args=(size,)
        )


def _draw(size: int) -> None:
    import secrets

    st.session_state[IMAGE[0]] = secrets.randbelow(size)


def _look_alikes(sight: Sight) -> None:
    """The images that the teacher would most easily take for another class."""
    if "teacher" not in sight.logits:
        return
    from tsexplorer.analysis.ranking import ranked, second_choice

    z_t_NC, labels_N = sight.logits["teacher"], sight.images.labels_N
    order = ranked(second_choice(z_t_NC, labels_N, 1.0))[:ALIKE].tolist()

    def words(place: int) -> str:
        row = z_t_NC[place].copy()
        row[labels_N[place]] = -float("inf")
        other = sight.images.classes[int(row.argmax())]
        return f"{class_of(sight, place)} like {with_article(other)}"

    st.subheader("Images that look like another class", anchor=False)
    st.caption(
        "Those that look most like another class to the teacher (its soft target for that class "
        f"at T = 1). Open one in the lens. {sight.words}"
    )
    gallery(sight, order, words, "alike")


def _table(sight: Sight, temperature: float) -> pd.DataFrame:
    from tsexplorer.analysis.soft_targets import soft_targets

    def column(role: Role) -> list[float]:
        return soft_targets(sight.logits[role][sight.place], temperature).tolist()  # type: ignore[no-any-return]

    return pd.DataFrame(
        {
            "class": sight.images.classes,
            "label": [float(k == sight.label) for k in range(len(sight.images.classes))],
            **{f"{TITLES[role]} at T={temperature:.3g}": column(role) for role in sight.logits},
            **{f"{TITLES[role]} logit": z_NC[sight.place] for role, z_NC in sight.logits.items()},
        }
    )

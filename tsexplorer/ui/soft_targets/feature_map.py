"""Where each net puts the images: features before the last layer, in two dimensions."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import pandas as pd
import streamlit as st

from tsexplorer.plots.feature_map import Map, map_spec
from tsexplorer.plots.palette import TITLES
from tsexplorer.specs import Role
from tsexplorer.ui.soft_targets.numbers import numbers_button
from tsexplorer.ui.soft_targets.sight import IMAGE, VIEW, Sight, needs_teacher
from tsexplorer.ui.theme import palette, role_label

if TYPE_CHECKING:
    from numpy.typing import NDArray

SHOWN = 1000
SEED = 0
METHODS = {"pca": "PCA", "tsne": "t-SNE"}
KEPT = "_tsne"


def view(sight: Sight) -> None:
    """Teacher and student side by side; hover shows the image."""
    needs_teacher(sight)
    from tsexplorer.analysis.projection import sample

    with st.container(horizontal=True, vertical_alignment="bottom"):
        student: Role = st.segmented_control(
            "Student",
            sight.students,
            default=sight.students[0],
            format_func=TITLES.__getitem__,
            key="map_student",
            required=True,
        )
        method = st.segmented_control(
            "Projection",
            METHODS,
            default="pca",
            format_func=METHODS.__getitem__,
            key="map_method",
            required=True,
            help="PCA shows the two directions of most variance, at once. t-SNE takes some "
            "seconds; it puts like images together, and distances between groups mean nothing.",
        )
    places_N = sample(len(sight.images.labels_N), SHOWN, SEED)
    shown: tuple[Role, ...] = ("teacher", student)
    maps = {role: _map(sight, role, method, places_N) for role in shown}
    for column, (role, one) in zip(st.columns(2), maps.items(), strict=True):
        with column:
            st.markdown(role_label(role))
            st.vega_lite_chart(map_spec(one, palette()), key=f"map_{role}")
    st.caption(
        f"{sight.words} {len(places_N):,} of them, drawn with seed {SEED}; activations before the "
        "last layer. Hover a point to see its image."
    )
    with st.container(horizontal=True, vertical_alignment="bottom"):
        st.number_input("Image", 0, len(sight.images.labels_N) - 1, key=IMAGE[0], width=160, step=1)
        st.button("Open in the lens", key="map_open", on_click=_to_lens)
        numbers_button(_table(maps), f"features-{method}")


def _map(sight: Sight, role: Role, method: str, places_N: NDArray[Any]) -> Map:
    from tsexplorer.analysis.projection import principal_components

    x_NF = sight.service.reading.features(sight.stages[role], sight.split)[places_N]
    axes = ("t-SNE 1", "t-SNE 2")
    if method == "tsne":
        points_N2 = _tsne(sight, role, x_NF)
    else:
        points_N2, shares = principal_components(x_NF)
        first, second = (f"{100 * share:.0f} % of the variance" for share in shares)
        axes = (f"Component 1 ({first})", f"Component 2 ({second})")
    return Map(
        points_N2=points_N2,
        axes=axes,
        places_N=places_N,
        labels_N=sight.images.labels_N[places_N],
        pixels_N=sight.images.pixels_N[places_N],
        names=sight.images.classes,
    )


def _to_lens() -> None:
    st.session_state[VIEW[0]] = "lens"


def _tsne(sight: Sight, role: Role, x_NF: NDArray[Any]) -> NDArray[Any]:
    """The layout, computed step by step: whatever a person clicks meanwhile ends it."""
    from tsexplorer.analysis.tsne import tsne

    kept = st.session_state.setdefault(KEPT, {})
    key = (sight.stages[role].hash, sight.split, len(x_NF))
    if key not in kept:
        bar = st.progress(0.0, text=f"t-SNE of the {TITLES[role].lower()}’s features")
        for seen in tsne(x_NF, seed=SEED):
            bar.progress(seen.share, text=f"t-SNE of the {TITLES[role].lower()}’s features")
        bar.empty()
        kept[key] = seen.points_N2
    return kept[key]  # type: ignore[no-any-return]


def _table(maps: Mapping[Role, Map]) -> pd.DataFrame:
    first = next(iter(maps.values()))
    columns: dict[str, Any] = {
        "image": first.places_N,
        "true class": [first.names[k] for k in first.labels_N.tolist()],
    }
    for role, one in maps.items():
        columns[f"{role} x"], columns[f"{role} y"] = one.points_N2[:, 0], one.points_N2[:, 1]
    return pd.DataFrame(columns)

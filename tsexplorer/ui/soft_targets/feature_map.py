"""Where each net puts the images: features before the last layer, in two dimensions."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import pandas as pd
import streamlit as st

from tsexplorer.plots.style import TITLES
from tsexplorer.specs import Role
from tsexplorer.ui.app_state import sentences
from tsexplorer.ui.feature_map import NetMap, Shown, feature_map
from tsexplorer.ui.figures import numbers_button
from tsexplorer.ui.soft_targets.page_state import Sight, needs_teacher, open_image

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from tsexplorer.analysis.embedding import Layout, LayoutKey

SHOWN = 1000
SEED = 0
METHODS = {"pca": "PCA", "tsne": "t-SNE"}
EVERY_SECONDS = 0.5

Features = dict[Role, "NDArray[Any]"]


def view(sight: Sight) -> None:
    """Teacher and student side by side; hover shows an image in both, a click opens it."""
    needs_teacher(sight)
    from tsexplorer.analysis.embedding import sample

    student, method = _choices(sight)
    places_N = sample(len(sight.images.labels_N), SHOWN, SEED)
    features: Features = {
        role: sight.service.reading.features(sight.stages[role], sight.split)[places_N]
        for role in ("teacher", student)
    }
    maps = _laid_out(sight, features) if method == "tsne" else None
    if maps is None:
        method, maps = "pca", _principal(features)
    images = Shown(
        places_N=places_N,
        labels_N=sight.images.labels_N[places_N],
        pixels_N=sight.images.pixels_N[places_N],
        classes=sight.images.classes,
    )
    answers = {role: z_NC[places_N].argmax(1) for role, z_NC in sight.logits.items()}
    name = f"features-{method}"
    feature_map(maps, answers, images, name=name, on_open=open_image, key="feature_map")
    whole = len(places_N) == len(sight.images.labels_N)
    drawn = "all" if whole else f"{len(places_N):,} of them, drawn with seed {SEED}"
    st.caption(f"{sight.words} Shown: {drawn}, by their activations before the last layer.")
    numbers_button(_table(maps, images), name)


def _choices(sight: Sight) -> tuple[Role, str]:
    with st.container(horizontal=True, vertical_alignment="bottom"):
        student: Role = st.segmented_control(
            "Student",
            sight.students,
            default=sight.students[0],
            format_func=TITLES.__getitem__,
            key="map_student",
            required=True,
        )
        method: str = st.segmented_control(
            "Projection",
            METHODS,
            default="pca",
            format_func=METHODS.__getitem__,
            key="map_method",
            required=True,
            help="PCA shows the two directions of most variance, at once. t-SNE takes some "
            "seconds; it puts like images together, and distances between groups mean nothing.",
        )
    return student, method


def _principal(features: Features) -> dict[Role, NetMap]:
    from tsexplorer.analysis.embedding import principal_components

    maps: dict[Role, NetMap] = {}
    for role, x_NF in features.items():
        points_N2, shares = principal_components(x_NF)
        first, second = (f"{100 * share:.0f} % of the variance" for share in shares)
        maps[role] = NetMap(points_N2, (f"Component 1 ({first})", f"Component 2 ({second})"))
    return maps


def _laid_out(sight: Sight, features: Features) -> dict[Role, NetMap] | None:
    """The maps by t-SNE; until both are there None, with how far they are above."""
    keys = {role: _key(sight, role, len(x_NF)) for role, x_NF in features.items()}
    layouts = sight.service.reading.layouts
    for role, key in keys.items():
        if layouts.state(key) is None:
            layouts.start(key, features[role])
    states = _states(sight, keys)
    maps = {
        role: NetMap(state.points_N2, ("t-SNE 1", "t-SNE 2"))
        for role, state in states.items()
        if state.points_N2 is not None
    }
    if len(maps) == len(keys):
        return maps
    running = any(state.under_way for state in states.values())
    every = EVERY_SECONDS if running else None
    st.fragment(_panel, run_every=every)(sight, features, keys, running)
    return None


def _panel(
    sight: Sight, features: Features, keys: dict[Role, LayoutKey], was_running: bool
) -> None:
    """How far the layouts are, and a way out of them or back into them."""
    layouts = sight.service.reading.layouts
    states = _states(sight, keys)
    running = any(state.under_way for state in states.values())
    if was_running and not running:
        st.rerun()
    with st.container(border=True, key="map_progress"), sentences():
        if running:
            share = sum(state.share for state in states.values()) / len(states)
            at_work = [TITLES[role].lower() for role, one in states.items() if one.under_way]
            text = f"t-SNE of the {at_work[0]}’s features; meanwhile, the maps show PCA"
            st.progress(share, text=text)
            if st.button("Cancel", key="map_cancel", icon=":material/close:"):
                for key in keys.values():
                    layouts.cancel(key)
                st.rerun()
            return
        for state in states.values():
            if state.sentence is not None:
                st.error(state.sentence, icon=":material/error:")
        st.markdown("t-SNE was not finished; the maps show PCA.")
        if st.button("Compute t-SNE", key="map_again", icon=":material/replay:"):
            for role, key in keys.items():
                layouts.start(key, features[role])
            st.rerun()


def _states(sight: Sight, keys: Mapping[Role, LayoutKey]) -> dict[Role, Layout]:
    """Where the layouts stand; one that is forgotten meanwhile counts as given up."""
    from tsexplorer.analysis.embedding import Layout

    layouts = sight.service.reading.layouts
    return {role: layouts.state(key) or Layout("cancelled") for role, key in keys.items()}


def _key(sight: Sight, role: Role, size: int) -> LayoutKey:
    from tsexplorer.analysis.embedding import LayoutKey

    answers = sight.service.reading.answers(sight.stages[role], sight.split)
    return LayoutKey(answers.key, "tsne", size, SEED)


def _table(maps: Mapping[Role, NetMap], images: Shown) -> pd.DataFrame:
    columns: dict[str, Any] = {
        "image": images.places_N,
        "true class": [images.classes[k] for k in images.labels_N.tolist()],
    }
    for role, one in maps.items():
        columns[f"{role} x"], columns[f"{role} y"] = one.points_N2[:, 0], one.points_N2[:, 1]
    return pd.DataFrame(columns)

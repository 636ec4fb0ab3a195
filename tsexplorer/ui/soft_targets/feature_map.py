"""The view Map of features: activations before the last layer, in two dimensions.

The browser gets points and images once and draws the linked maps itself (``assets/map``). It sends
a message only when the user opens an image.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import pandas as pd
import streamlit as st
from numpy.typing import NDArray

from tsexplorer.assets import read_assets
from tsexplorer.plots.style import DARK, LIGHT, SCALES, TITLES
from tsexplorer.specs import ROLES, Role
from tsexplorer.ui.app_state import show_errors
from tsexplorer.ui.figures import csv_button
from tsexplorer.ui.pixels import check_images, images_data, thumbnails
from tsexplorer.ui.soft_targets.page_state import ViewContext, open_image, require_teacher
from tsexplorer.ui.theme import MARKS

if TYPE_CHECKING:
    from tsexplorer.analysis.embedding import Layout, LayoutKey

MAX_IMAGES = 1000
SEED = 0
METHODS = {"pca": "PCA", "tsne": "t-SNE"}
EVERY_SECONDS = 0.5
SHAPES = "●◆■▲▼★"
"""Marks of classes whose names are too long to be drawn as points; distinct without colours."""

Features = dict[Role, NDArray[Any]]

_mount = st.components.v2.component(
    "tsexplorer_feature_map",
    html=read_assets("map/map.html"),
    css=read_assets("shared/pictures.css", "map/map.css"),
    js=read_assets(
        *("shared/elements.js", "shared/pictures.js"),
        *("map/points.js", "map/picture.js", "map/map.js"),
    ),
)


class NetMap(NamedTuple):
    """The images as one net represents them, in two dimensions.

    Attributes:
        points_N2: coordinates; the browser scales each axis to the frame.
        axes: titles of both axes.
    """

    points_N2: NDArray[Any]
    axes: tuple[str, str]


class MapImages(NamedTuple):
    """The images on the map.

    Attributes:
        index_N: index of each image in its split.
        labels_N: true classes.
        pixels_N: uint8 N×H×W or N×H×W×3.
        classes: the names of the C classes.
    """

    index_N: NDArray[np.int64]
    labels_N: NDArray[np.int64]
    pixels_N: NDArray[np.uint8]
    classes: Sequence[str]


def feature_map_view(context: ViewContext) -> None:
    """Draw the maps of teacher and student side by side.

    The browser highlights an image in both maps; a click opens it in the lens.
    """
    require_teacher(context)
    from tsexplorer.analysis.embedding import sample_indices

    student, method = _choices(context)
    labels_N = context.images.labels_N
    index_K = sample_indices(len(labels_N), MAX_IMAGES, SEED)
    features: Features = {
        role: context.service.inference.features(context.stages[role], context.split)[index_K]
        for role in ("teacher", student)
    }
    maps = _tsne_maps(context, features) if method == "tsne" else None
    if maps is None:
        method, maps = "pca", _pca_maps(features)
    images = MapImages(
        index_N=index_K,
        labels_N=labels_N[index_K],
        pixels_N=context.images.pixels_N[index_K],
        classes=context.images.classes,
    )
    answers = {role: z_NC[index_K].argmax(1) for role, z_NC in context.logits.items()}
    name = f"features-{method}"
    feature_map(maps, answers, images, name=name, on_open=open_image, key="feature_map")
    shown = f"all {len(labels_N):,} images"
    if len(index_K) < len(labels_N):
        shown = f"{len(index_K):,} of the images, drawn with seed {SEED}"
    st.caption(f"{context.provenance} Shown: {shown}, by their activations before the last layer.")
    csv_button(_table(maps, images), name)


def _choices(context: ViewContext) -> tuple[Role, str]:
    """Draw the choices of student and projection; return them."""
    with st.container(horizontal=True, vertical_alignment="bottom"):
        student: Role = st.segmented_control(
            "Student",
            context.students,
            default=context.students[0],
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
            help="PCA shows the two directions of largest variance, at once. t-SNE takes some "
            "seconds; it puts similar images together, and distances between groups have no "
            "meaning.",
        )
    return student, method


def _pca_maps(features: Features) -> dict[Role, NetMap]:
    from tsexplorer.analysis.embedding import principal_components

    maps: dict[Role, NetMap] = {}
    for role, x_NF in features.items():
        points_N2, shares = principal_components(x_NF)
        first, second = (f"{100 * share:.0f} % of the variance" for share in shares)
        maps[role] = NetMap(points_N2, (f"Component 1 ({first})", f"Component 2 ({second})"))
    return maps


def _tsne_maps(context: ViewContext, features: Features) -> dict[Role, NetMap] | None:
    """The t-SNE maps; None while they are computed, with their progress drawn."""
    keys = {role: _layout_key(context, role, len(x_NF)) for role, x_NF in features.items()}
    layouts = context.service.inference.layouts
    for role, key in keys.items():
        if layouts.state(key) is None:
            layouts.start(key, features[role])
    states = _layout_states(context, keys)
    maps = {
        role: NetMap(state.points_N2, ("t-SNE 1", "t-SNE 2"))
        for role, state in states.items()
        if state.points_N2 is not None
    }
    if len(maps) == len(keys):
        return maps
    running = any(state.is_active for state in states.values())
    every = EVERY_SECONDS if running else None
    st.fragment(_progress_panel, run_every=every)(context, features, keys, running)
    return None


def _progress_panel(
    context: ViewContext, features: Features, keys: dict[Role, LayoutKey], was_running: bool
) -> None:
    """Draw the progress of t-SNE, and a button to cancel it or to start it again."""
    layouts = context.service.inference.layouts
    states = _layout_states(context, keys)
    running = [role for role, state in states.items() if state.is_active]
    if was_running and not running:
        st.rerun()
    with st.container(border=True, key="map_progress"), show_errors():
        if running:
            share = sum(state.share for state in states.values()) / len(states)
            net = TITLES[running[0]].lower()
            st.progress(share, text=f"t-SNE of the {net}’s features; the maps show PCA until then")
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


def _layout_states(context: ViewContext, keys: Mapping[Role, LayoutKey]) -> dict[Role, Layout]:
    """States of the layouts; a layout that the cache has dropped counts as cancelled."""
    from tsexplorer.analysis.embedding import Layout

    layouts = context.service.inference.layouts
    return {role: layouts.state(key) or Layout("cancelled") for role, key in keys.items()}


def _layout_key(context: ViewContext, role: Role, images: int) -> LayoutKey:
    from tsexplorer.analysis.embedding import LayoutKey

    answers = context.service.inference.answers(context.stages[role], context.split)
    return LayoutKey(answers.key, "tsne", images, SEED)


def _table(maps: Mapping[Role, NetMap], images: MapImages) -> pd.DataFrame:
    columns: dict[str, Any] = {
        "image": images.index_N,
        "true class": [images.classes[label] for label in images.labels_N.tolist()],
    }
    for role, net_map in maps.items():
        columns[f"{role} x"], columns[f"{role} y"] = net_map.points_N2.T
    return pd.DataFrame(columns)


# -- the component in the browser -------------------------------------------------------------


def feature_map(
    maps: Mapping[Role, NetMap],
    answers: Mapping[Role, NDArray[np.int64]],
    images: MapImages,
    *,
    name: str,
    on_open: Callable[[int], None],
    key: str,
) -> None:
    """Draw the maps side by side.

    Args:
        maps: one map or several, by role.
        answers: predicted classes of the N images, by role.
        images: the images that the points stand for.
        name: of the file when the maps are saved as a picture.
        on_open: called with the index of an image that the user opens.
        key: the component's key on its page.

    Raises:
        ValueError: shapes do not fit.
    """

    def opened() -> None:
        index = st.session_state[key].get("opened")
        if index in images.index_N.tolist():  # the browser can send anything
            on_open(index)

    _mount(key=key, data=payload(maps, answers, images, name), on_opened_change=opened)


def payload(
    maps: Mapping[Role, NetMap],
    answers: Mapping[Role, NDArray[np.int64]],
    images: MapImages,
    name: str,
) -> dict[str, Any]:
    """Return what the browser gets, as JSON; for arguments and errors see :func:`feature_map`."""
    count = len(images.index_N)
    pixels_N = thumbnails(check_images(images.pixels_N, count))
    points = [net_map.points_N2 for net_map in maps.values()]
    for rows in (images.labels_N, *answers.values(), *points):
        if len(rows) != count:
            raise ValueError(f"{len(rows)} rows for {count} images")
    return {
        "classes": _class_styles(images.classes),
        "images": images_data(pixels_N),
        "places": images.index_N.tolist(),
        "labels": images.labels_N.tolist(),
        "maps": [
            {
                **_role_titles(role),
                "axes": list(maps[role].axes),
                "points": np.round(maps[role].points_N2.astype(np.float64), 4).tolist(),
            }
            for role in ROLES
            if role in maps
        ],
        "answers": [
            {**_role_titles(role), "classes": answers[role].tolist()}
            for role in ROLES
            if role in answers
        ],
        "file": name,
    }


def _role_titles(role: Role) -> dict[str, str]:
    return {"role": role, "title": TITLES[role], "mark": MARKS[role]}


def _class_styles(names: Sequence[str]) -> list[dict[str, str]]:
    """Return for each class its mark, a character, and its colours in the light and dark theme."""
    short = all(len(name) == 1 for name in names)
    light, dark = SCALES[LIGHT].categories, SCALES[DARK].categories
    return [
        {
            "name": name,
            "glyph": name if short else SHAPES[label % len(SHAPES)],
            "light": light[label % len(light)],
            "dark": dark[label % len(dark)],
        }
        for label, name in enumerate(names)
    ]

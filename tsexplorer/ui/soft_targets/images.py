"""Which images teach most: ranked, filtered, paged.

Small pictures in a row that wraps; each opens in the lens.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import pandas as pd
import streamlit as st

from tsexplorer.analysis.formatting import with_article
from tsexplorer.ui.figures import enlarged, numbers_button
from tsexplorer.ui.soft_targets.page_state import Sight, needs_teacher, open_image

if TYPE_CHECKING:
    from tsexplorer.analysis.soft_targets import Floats

PER_PAGE = 28
SCORES = {
    "entropy": ("Teacher’s doubt (entropy)", "nats"),
    "divergence": ("Distance of the student (KL)", "nats"),
    "second": ("Likeness to another class", "%"),
}
FILTERS = {
    "all": "All images",
    "missed": "Teacher right, distilled wrong",
    "both-wrong": "Teacher and distilled wrong",
    "gained": "Baseline wrong, distilled right",
    "lost": "Baseline right, distilled wrong",
}


def view(sight: Sight) -> None:
    """Choose a score, a filter, a class and a page; each image opens in the lens."""
    needs_teacher(sight, student=False)
    from tsexplorer.analysis import ranking

    first, second, third = st.columns(3)
    score = first.selectbox("Rank by", SCORES, format_func=lambda key: SCORES[key][0], key="rank")
    verdicts = {
        role: ranking.right(z_NC, sight.images.labels_N) for role, z_NC in sight.logits.items()
    }
    kinds = ranking.disagreements(verdicts)
    kind = second.selectbox(
        "Show",
        [key for key in FILTERS if key == "all" or key in kinds],
        format_func=FILTERS.__getitem__,
        key="rank_filter",
    )
    names = sight.images.classes
    chosen = third.selectbox("True class", ["all", *names], key="rank_class")
    scores_N = _scores(sight, score)
    kept = [flags for key, flags in kinds.items() if key == kind]
    if chosen != "all":
        kept.append(sight.images.labels_N == names.index(chosen))
    order_K = ranking.ranked(scores_N, *kept)
    page = ranking.page(order_K, scores_N, int(st.session_state.get("rank_page", 1)), PER_PAGE)
    if not page.total:
        st.info("No image is like that.", icon=":material/search_off:")
        return
    values = {image.place: image.score for image in page.images}
    unit = SCORES[score][1]
    st.caption(
        f"{page.total:,} images, the highest first. {sight.words} T = {sight.temperature:g}."
    )
    gallery(
        sight,
        list(values),
        lambda place: f"{class_of(sight, place)}: {_written(values[place], unit)}",
        "ranked",
    )
    with st.container(horizontal=True, vertical_alignment="bottom"):
        st.number_input(
            f"Page (of {page.pages})", 1, page.pages, value=page.number, key="rank_page", width=160
        )
        numbers_button(_table(sight, order_K.tolist(), scores_N, score), f"images-by-{score}")


def _scores(sight: Sight, score: str) -> Floats:
    from tsexplorer.analysis import ranking

    z_t_NC, T = sight.logits["teacher"], sight.temperature
    if score == "divergence" and sight.students:
        return ranking.teacher_divergence(z_t_NC, sight.logits[sight.students[0]], T)
    if score == "second":
        return ranking.second_choice(z_t_NC, sight.images.labels_N, T)
    return ranking.teacher_entropy(z_t_NC, T)


def _written(value: float, unit: str) -> str:
    return f"{100 * value:.3g} %" if unit == "%" else f"{value:.3g} {unit}"


def _table(sight: Sight, order: list[int], scores_N: Floats, score: str) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "image": order,
            "true class": [class_of(sight, place) for place in order],
            f"{score} at T={sight.temperature:g}": scores_N[order],
            **{
                f"{role} answers": [sight.images.classes[k] for k in z_NC[order].argmax(1)]
                for role, z_NC in sight.logits.items()
            },
        }
    )


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

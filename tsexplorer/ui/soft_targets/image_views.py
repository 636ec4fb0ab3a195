"""Views of images: one image in the temperature lens, its loss, and images ranked by a score.

Images are shown as small pictures in a row that wraps; a click opens one in the lens.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import streamlit as st

from tsexplorer.analysis.formatting import with_article
from tsexplorer.objectives import get_objective
from tsexplorer.plots.classes import short_names
from tsexplorer.plots.loss_terms import gradient_figure, gradient_norm_figure, terms_figure
from tsexplorer.plots.style import TITLES
from tsexplorer.specs import ObjectiveSpec, Role
from tsexplorer.ui.figures import csv_button, figure
from tsexplorer.ui.lens import lens
from tsexplorer.ui.pixels import DIGIT_SIDE, PICTURE_SIDE, ShownSize, picture, shown_size
from tsexplorer.ui.router import path_of
from tsexplorer.ui.soft_targets.page_state import (
    IMAGE,
    TEMPERATURE,
    ViewContext,
    open_image,
    require_teacher,
)
from tsexplorer.ui.theme import escaped, palette

if TYPE_CHECKING:
    from tsexplorer.analysis.soft_targets import Floats

GALLERY_SPACE = 16
"""Pixels by which an image's column is wider than the image, for the button below."""
SIMILAR_SHOWN = 14
PER_PAGE = 28
SCORES = {
    "entropy": ("Teacher’s uncertainty (entropy)", "nats"),
    "divergence": ("Teacher–student divergence (KL)", "nats"),
    "second": ("Similarity to another class", "%"),
}
FILTERS = {
    "all": "All images",
    "missed": "Teacher right, distilled wrong",
    "both-wrong": "Teacher and distilled wrong",
    "gained": "Baseline wrong, distilled right",
    "lost": "Baseline right, distilled wrong",
}
LAMBDAS = (0.0, 0.5, 1.0)


def gallery(
    context: ViewContext, indices: Sequence[int], caption: Callable[[int], str], key: str
) -> None:
    """Draw images, each with a button below that opens it in the lens.

    Args:
        context: state of the page.
        indices: which images of the split.
        caption: returns the label of an image's button, markdown.
        key: Streamlit key, unique on the page.
    """
    size = shown_size(context.images.pixels_N[0])
    with st.container(horizontal=True, gap="small", key=key):
        for index in indices:
            name = context.class_name(index)
            shortened = name not in context.short_names
            with st.container(width=max(size) + GALLERY_SPACE, gap="xsmall"):
                picture(
                    context.images.pixels_N[index],
                    size,
                    alt=f"image {index}, {with_article(name)}",
                )
                st.button(
                    caption(index),
                    key=f"{key}_{index}",
                    on_click=open_image,
                    args=(index,),
                    help=f"Open image {index} in the lens"
                    + (f"; true class: {escaped(name)}" if shortened else ""),
                    type="tertiary",
                )


def lens_view(context: ViewContext) -> None:
    """Draw the lens, controls for other images, and a button that trains with the T of the lens."""
    _choose_image(context)
    released = lens(
        logits={role: z_NC[context.index].tolist() for role, z_NC in context.logits.items()},
        label=context.label,
        classes=context.images.classes,
        image=context.images.pixels_N[context.index],
        temperature=context.temperature,
        key="lens",
    )
    temperature = context.temperature if released is None else released
    st.session_state[TEMPERATURE.key] = temperature
    with st.container(horizontal=True):
        if st.button(
            f"Train with T = {temperature:.3g}",
            key="train_with_t",
            icon=":material/model_training:",
        ):
            st.switch_page(path_of("train"), query_params={"T": str(temperature)})
        csv_button(_lens_table(context, temperature), f"image-{context.index}-T-{temperature:.3g}")
    _similar_images(context)


def _choose_image(context: ViewContext) -> None:
    size = len(context.images.labels_N)
    with st.container(horizontal=True, vertical_alignment="bottom"):
        st.number_input(f"Image (0 to {size - 1:,})", 0, size - 1, key=IMAGE.key, width=180, step=1)
        st.button(
            "Random image",
            key="any_image",
            icon=":material/casino:",
            on_click=_choose_random_image,
            args=(size,),
        )


def _choose_random_image(size: int) -> None:
    import secrets

    st.session_state[IMAGE.key] = secrets.randbelow(size)


def _similar_images(context: ViewContext) -> None:
    """Draw the images with the teacher's largest soft targets for a wrong class."""
    if "teacher" not in context.logits:
        return
    from tsexplorer.analysis.ranking import rank_images, second_choice

    z_t_NC, labels_N = context.logits["teacher"], context.images.labels_N
    indices = rank_images(second_choice(z_t_NC, labels_N, 1.0))[:SIMILAR_SHOWN].tolist()

    def caption(index: int) -> str:
        z_t_C = z_t_NC[index].copy()
        z_t_C[labels_N[index]] = -float("inf")
        other = context.short_names[int(z_t_C.argmax())]
        return f"{context.short_name(index)} like {escaped(with_article(other))}"

    st.subheader("Images that look like another class", anchor=False)
    st.caption(
        "Ranked by the teacher’s largest soft target for a wrong class at T = 1. Click one to "
        f"open it in the lens. {context.provenance}"
    )
    gallery(context, indices, caption, "alike")


def _lens_table(context: ViewContext, temperature: float) -> pd.DataFrame:
    from tsexplorer.analysis.soft_targets import soft_targets

    classes, index = context.images.classes, context.index
    one_hot = [float(k == context.label) for k in range(len(classes))]
    columns: dict[str, Any] = {"class": classes, "label": one_hot}
    for role, z_NC in context.logits.items():
        columns[f"{TITLES[role]} at T={temperature:.3g}"] = soft_targets(z_NC[index], temperature)
    for role, z_NC in context.logits.items():
        columns[f"{TITLES[role]} logit"] = z_NC[index]
    return pd.DataFrame(columns)


def loss_view(context: ViewContext) -> None:
    """Draw the formula with its numbers, the gradients on the logits, and the terms over T."""
    require_teacher(context)
    from tsexplorer.analysis import loss_terms

    student, lam = _loss_controls(context)
    index, colours = context.index, palette()
    image = loss_terms.ImageLogits(
        context.logits[student][index], context.logits["teacher"][index], context.label
    )
    st.subheader("Gradient of each term on the student’s logits", anchor=False)
    gradients = loss_terms.gradients(image, context.temperature, lam)
    figure(gradient_figure(gradients, lam, context.images.classes, colours), "loss_gradients")
    grid_K = loss_terms.temperature_grid()
    surface = loss_terms.loss_surface(image, grid_K, np.array(LAMBDAS))
    pull = loss_terms.gradient_norms(image, grid_K)
    left, right = st.columns(2)
    with left:
        st.subheader("The terms over T", anchor=False)
        figure(terms_figure(surface, colours), "loss_terms")
    with right:
        st.subheader("The effect of the factor T²", anchor=False)
        figure(gradient_norm_figure(pull, colours), "loss_pull")
    st.caption(
        "Without T² the soft term’s gradient falls as 1/T² for large T, and the label term "
        "dominates. With T² it tends to a constant: the distance between the two nets’ centred "
        f"logits, divided by the number of classes. {context.provenance}"
    )
    table = pd.DataFrame(
        {
            "T": grid_K,
            "soft (nats)": surface.soft_K,
            "T² soft (nats)": surface.scaled_K,
            "labels (nats)": surface.labels,
            "gradient norm without T²": pull.soft_K,
            "gradient norm with T²": pull.scaled_K,
        }
    )
    csv_button(table, f"loss-of-image-{index}")


def _loss_controls(context: ViewContext) -> tuple[Role, float]:
    """Draw the image, the choices of student and λ, and the formula; return the choices."""
    name, image = context.class_name(context.index), context.images.pixels_N[context.index]
    is_digit = image.shape == (DIGIT_SIDE, DIGIT_SIDE)
    size = ShownSize(PICTURE_SIDE, PICTURE_SIDE) if is_digit else shown_size(image)
    left, right = st.columns([1, 3], vertical_alignment="center")
    with left:
        picture(image, size, alt=f"image {context.index}, {with_article(name)}")
        st.number_input("Image", 0, len(context.images.labels_N) - 1, key=IMAGE.key, step=1)
        st.caption(f"True class {context.short_name(context.index)}")
    with right:
        student: Role = st.segmented_control(
            "Student",
            context.students,
            default=context.students[0],
            format_func=TITLES.__getitem__,
            key="loss_student",
            required=True,
        )
        lam: float = st.slider(
            "Weight of the labels λ",
            0.0,
            1.0,
            context.lam,
            0.05,
            key=f"loss_lambda.{context.experiment.id}",
        )
        spec = ObjectiveSpec(name="hinton", temperature=context.temperature, lam=lam)
        st.latex(rf"\footnotesize {get_objective('hinton').format_formula(spec)}")
    return student, lam


def ranking_view(context: ViewContext) -> None:
    """Draw the images ranked by a score, with filters and pages."""
    require_teacher(context, student=False)
    from tsexplorer.analysis import ranking

    labels_N, names = context.images.labels_N, context.images.classes
    first, second, third = st.columns(3)
    score = first.selectbox("Rank by", SCORES, format_func=lambda key: SCORES[key][0], key="rank")
    correct = {role: ranking.is_correct(z_NC, labels_N) for role, z_NC in context.logits.items()}
    filters = ranking.disagreements(correct)
    chosen_filter = second.selectbox(
        "Show",
        [key for key in FILTERS if key == "all" or key in filters],
        format_func=FILTERS.__getitem__,
        key="rank_filter",
    )
    options = short_names(["all", *names])
    true_class = third.selectbox("True class", options, key="rank_class")
    masks = [mask_N for key, mask_N in filters.items() if key == chosen_filter]
    if true_class != "all":
        masks.append(labels_N == options.index(true_class) - 1)
    scores_N = _scores(context, score)
    order_K = ranking.rank_images(scores_N, *masks)
    number = int(st.session_state.get("rank_page", 1))
    page = ranking.ranking_page(order_K, scores_N, number, PER_PAGE)
    if not page.total:
        st.info("No image matches these filters.", icon=":material/search_off:")
        return
    scores = {image.position: image.score for image in page.images}
    st.caption(
        f"{page.total:,} images, highest score first. {context.provenance} "
        f"T = {context.temperature:g}."
    )
    gallery(
        context,
        list(scores),
        lambda index: f"{context.short_name(index)}: {_with_unit(scores[index], SCORES[score][1])}",
        "ranked",
    )
    with st.container(horizontal=True, vertical_alignment="bottom"):
        st.number_input(
            f"Page (of {page.pages})", 1, page.pages, value=page.number, key="rank_page", width=160
        )
        table = _ranking_table(context, order_K.tolist(), scores_N, score)
        csv_button(table, f"images-by-{score}")


def _scores(context: ViewContext, score: str) -> Floats:
    from tsexplorer.analysis import ranking

    z_t_NC, T = context.logits["teacher"], context.temperature
    if score == "divergence" and context.students:
        return ranking.teacher_divergence(z_t_NC, context.logits[context.students[0]], T)
    if score == "second":
        return ranking.second_choice(z_t_NC, context.images.labels_N, T)
    return ranking.teacher_entropy(z_t_NC, T)


def _with_unit(value: float, unit: str) -> str:
    return f"{100 * value:.3g} %" if unit == "%" else f"{value:.3g} {unit}"


def _ranking_table(
    context: ViewContext, order: list[int], scores_N: Floats, score: str
) -> pd.DataFrame:
    classes = context.images.classes
    return pd.DataFrame(
        {
            "image": order,
            "true class": [context.class_name(index) for index in order],
            f"{score} at T={context.temperature:g}": scores_N[order],
            **{
                f"{role} answers": [classes[k] for k in z_NC[order].argmax(1)]
                for role, z_NC in context.logits.items()
            },
        }
    )

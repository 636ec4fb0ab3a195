"""The loss of one image: what T and lambda do to its terms and their gradients."""

from __future__ import annotations

import numpy as np
import pandas as pd
import streamlit as st

from tsexplorer.analysis.formatting import with_article
from tsexplorer.objectives import get_objective
from tsexplorer.plots.loss_terms import gradient_figure, pull_figure, terms_figure
from tsexplorer.plots.style import TITLES
from tsexplorer.specs import ObjectiveSpec
from tsexplorer.ui.figures import enlarged, figure, numbers_button
from tsexplorer.ui.soft_targets.images import class_of
from tsexplorer.ui.soft_targets.page_state import IMAGE, Sight, needs_teacher
from tsexplorer.ui.theme import palette

LAMBDAS = (0.0, 0.5, 1.0)


def view(sight: Sight) -> None:
    """The formula with its numbers, the gradients on the logits, and both over T."""
    needs_teacher(sight)
    from tsexplorer.analysis import loss_terms

    left, right = st.columns([1, 3], vertical_alignment="center")
    with left:
        st.image(
            enlarged(sight.images.pixels_N[sight.place], 4),
            width=112,
            alt=f"image {sight.place}, {with_article(class_of(sight, sight.place))}",
        )
        st.number_input("Image", 0, len(sight.images.labels_N) - 1, key=IMAGE[0], step=1)
        st.caption(f"True class {class_of(sight, sight.place)}")
    with right:
        student = st.segmented_control(
            "Student",
            sight.students,
            default=sight.students[0],
            format_func=TITLES.__getitem__,
            key="loss_student",
            required=True,
        )
        lam = st.slider(
            "Weight of the labels λ",
            0.0,
            1.0,
            sight.lam,
            0.05,
            key=f"loss_lambda.{sight.experiment.id}",
        )
        spec = ObjectiveSpec(name="hinton", temperature=sight.temperature, lam=lam)
        st.latex(rf"\footnotesize {get_objective('hinton').format_formula(spec)}")
    image = loss_terms.Image(
        sight.logits[student][sight.place], sight.logits["teacher"][sight.place], sight.label
    )
    names, colours = sight.images.classes, palette()
    st.subheader("What each term asks of the student’s logits", anchor=False)
    slopes = loss_terms.gradients(image, sight.temperature, lam)
    figure(gradient_figure(slopes, lam, names, colours), "loss_gradients")
    grid_K = loss_terms.temperature_grid()
    surface = loss_terms.surface(image, grid_K, np.array(LAMBDAS))
    pull = loss_terms.pull(image, grid_K)
    first, second = st.columns(2)
    with first:
        st.subheader("The terms over T", anchor=False)
        figure(terms_figure(surface, colours), "loss_terms")
    with second:
        st.subheader("What T² restores", anchor=False)
        figure(pull_figure(pull, colours), "loss_pull")
    st.caption(
        "Without T² the soft term’s gradient falls as 1/T² once T is large, and the labels would "
        "drown it. With T² it tends to a constant: the distance of the two nets’ centred logits, "
        f"divided by the number of classes. {sight.words}"
    )
    table = pd.DataFrame(
        {
            "T": grid_K,
            "soft (nats)": surface.soft_K,
            "T² soft (nats)": surface.restored_K,
            "labels (nats)": surface.labels,
            "gradient norm without T²": pull.soft_K,
            "gradient norm with T²": pull.restored_K,
        }
    )
    numbers_button(table, f"loss-of-image-{sight.place}")

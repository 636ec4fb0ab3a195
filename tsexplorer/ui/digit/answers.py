"""The answers of teacher, baseline and distilled student to each digit, side by side."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import streamlit as st

from tsexplorer.analysis.formatting import format_count, format_size
from tsexplorer.data.registry import get_dataset
from tsexplorer.errors import UserError
from tsexplorer.imaging import result_for_dataset_image
from tsexplorer.objectives import trained_teachers
from tsexplorer.plots.soft_targets import distributions_figure
from tsexplorer.plots.style import TITLES
from tsexplorer.services import ExperimentSnapshot, Service, StageSnapshot
from tsexplorer.specs import ROLES, ModelSpec, Role
from tsexplorer.ui.digit import score
from tsexplorer.ui.figures import enlarged
from tsexplorer.ui.lens import lens
from tsexplorer.ui.theme import card, escaped, palette, role_label

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from tsexplorer.analysis.prediction import Prediction
    from tsexplorer.imaging import Digit
    from tsexplorer.ui.digit.inputs import InputPicture

IMAGE_SCALE = 4
STROKE_DATASETS = ("mnist-5k", "mnist", "emnist-letters")
"""Datasets of pen strokes. Pictures are read as pen strokes, so only these nets suit them."""


@dataclass(frozen=True, eq=False)
class SeedNets:
    """The trained nets of one seed of an experiment.

    Attributes:
        service: computes their answers.
        experiment: the experiment.
        stages: trained stages by role.
        classes: names of the classes.
    """

    service: Service
    experiment: ExperimentSnapshot
    stages: dict[Role, StageSnapshot]
    classes: tuple[str, ...]

    @property
    def temperature(self) -> float:
        """The experiment's T."""
        return self.experiment.spec.objective.temperature

    def model(self, role: Role) -> ModelSpec:
        """Return the architecture of a role."""
        spec = self.experiment.spec
        return spec.teacher if role == "teacher" else spec.student


@dataclass(frozen=True, eq=False)
class AnsweredDigit:
    """A digit and the answers of the nets.

    Attributes:
        picture: the picture with the digit.
        digit: the net input.
        logits: C by role.
        predictions: by role.
    """

    picture: InputPicture
    digit: Digit
    logits: dict[Role, NDArray[np.float32]]
    predictions: dict[Role, Prediction]


def seed_nets(service: Service, experiment: ExperimentSnapshot, seed: int) -> SeedNets:
    """Return the nets of one seed that are trained."""
    stages = {role: experiment.stage(seed, role) for role in ROLES}
    trained = {role: stage for role, stage in stages.items() if stage.status == "done"}
    classes = get_dataset(experiment.spec.data.name).info.classes
    return SeedNets(service, experiment, trained, classes)


def show_notes(nets: SeedNets) -> None:
    """Explain an ensemble of teachers, and nets that were not trained on pen strokes."""
    teachers = len(trained_teachers(nets.experiment.spec))
    if teachers > 1:
        st.caption(f"The student learned from {teachers} teachers. The first one answers here.")
    info = get_dataset(nets.experiment.spec.data.name).info
    if info.name not in STROKE_DATASETS:
        st.info(
            f"These nets were trained on {info.title} only. Whatever a picture shows, they answer "
            f"with one of {', '.join(info.classes[:3])} and so on. Samples suit them best.",
            icon=":material/checkroom:",
        )


def warm_up(nets: SeedNets) -> None:
    """Load what the first answer needs: imports, nets and their latencies."""
    import numpy as np

    blank = np.zeros((1, 28, 28), np.uint8)
    result_for_dataset_image(blank[0], "blank")
    for role, stage in nets.stages.items():
        nets.service.inference.logits(stage, blank)
        nets.service.latency(nets.model(role), len(nets.classes))


def answer_digits(nets: SeedNets, pictures: Sequence[InputPicture]) -> list[AnsweredDigit]:
    """Compute the answers to every digit. A net that fails gets a warning and is left out.

    Raises:
        UserError: all nets failed.
    """
    from tsexplorer.analysis.prediction import prediction_from_logits

    digits = [(picture, digit) for picture in pictures for digit in picture.extraction.digits]
    if not digits:
        return []
    import numpy as np

    pixels_N = np.stack([digit.pixels for _, digit in digits])
    logits = {}
    for role, stage in nets.stages.items():
        try:
            logits[role] = nets.service.inference.logits(stage, pixels_N)
        except UserError as error:
            st.warning(f"{TITLES[role]}: {escaped(str(error))}", icon=":material/warning:")
    if not logits:
        raise UserError("No net of this experiment can answer. Train the experiment first.")
    return [
        AnsweredDigit(
            picture,
            digit,
            {role: z_NC[index] for role, z_NC in logits.items()},
            {
                role: prediction_from_logits(z_NC[index], nets.temperature)
                for role, z_NC in logits.items()
            },
        )
        for index, (picture, digit) in enumerate(digits)
    ]


def show_digits(nets: SeedNets, digits: Sequence[AnsweredDigit]) -> None:
    """Draw each digit with the answers of the nets."""
    several = len(digits) > 1
    hashes = [stage.hash for stage in nets.stages.values()]
    key_counts: Counter[str] = Counter()
    for number, answered in enumerate(digits, 1):
        title = f"Digit {number} of {len(digits)}, {escaped(answered.picture.name)}"
        with st.container(border=True, key=f"digit_row_{number}"):
            key = score.answer_key(answered.digit.pixels, hashes)
            key_counts[key] += 1  # two pictures may give the same net input
            unique_key = f"{key}_{key_counts[key]}" if key_counts[key] > 1 else key
            _show_digit(nets, answered, title if several else "", unique_key)


def _show_digit(nets: SeedNets, answered: AnsweredDigit, title: str, key: str) -> None:
    """Draw one digit; the cards of an only digit, which has no title, show the nets' costs, too."""
    entry = score.Entry(
        answered.picture.name,
        answered.digit.pixels,
        {role: nets.classes[result.answer] for role, result in answered.predictions.items()},
        {role: result.confidence for role, result in answered.predictions.items()},
    )
    columns = st.columns([1.1, *[2] * len(answered.predictions)], gap="small")
    with columns[0], st.container(horizontal=True, gap="small"):
        image = enlarged(answered.digit.pixels, IMAGE_SCALE)
        st.image(image, width=28 * IMAGE_SCALE, alt="net input")
        with st.container(width="content", gap="xsmall"):
            label = answered.picture.label
            lines = [title, "" if label is None else f"Label: **{escaped(nets.classes[label])}**"]
            st.caption("  \n".join(filter(None, lines)) or "Net input")
            _show_agreement(answered)
    for column, (role, result) in zip(columns[1:], answered.predictions.items(), strict=True):
        with column:
            cost = "" if title else f"  \n{_cost_text(nets, role)}"
            card(role_label(role), nets.classes[result.answer], _confidence_text(result) + cost)
            score.mark_buttons(key, entry, role)
    _show_unusual_input(nets, answered)


def _show_agreement(answered: AnsweredDigit) -> None:
    from tsexplorer.analysis.prediction import all_agree

    if len(answered.predictions) < 2:
        return
    if all_agree(answered.predictions):
        st.badge("All agree", icon=":material/check:", color="green")
    else:
        st.badge("They disagree", icon=":material/call_split:", color="red")


def _confidence_text(result: Prediction) -> str:
    return f"**{confidence_percent(result.confidence)}** sure, entropy {result.entropy:.2f} nats"


def _cost_text(nets: SeedNets, role: Role) -> str:
    model, classes = nets.model(role), len(nets.classes)
    cost, latency = nets.service.count(model, classes), nets.service.latency(model, classes)
    return (
        f"{cost.parameters:,} parameters, {format_size(cost.bytes)}, "
        f"{format_count(cost.macs)} MACs  \n"
        f"{latency.median:.3g} ms ({latency.low:.3g}–{latency.high:.3g})"
    )


def confidence_percent(share: float) -> str:
    """Return a confidence in percent, never rounded up to 100 %.

    >>> confidence_percent(0.5), confidence_percent(0.99999), confidence_percent(1.0)
    ('50.0 %', '> 99.9 %', '> 99.9 %')
    """
    return "> 99.9 %" if share > 0.999 else f"{100 * share:.1f} %"


def _show_unusual_input(nets: SeedNets, answered: AnsweredDigit) -> None:
    """Say if a digit does not look like the training data."""
    from tsexplorer.analysis.prediction import reference_role

    reasons = []
    if not answered.digit.is_typical and nets.experiment.spec.data.name in STROKE_DATASETS:
        reasons.append("its strokes have far more or less ink than nearly all training images")
    role = reference_role(answered.predictions)
    try:
        least = nets.service.inference.low_confidence_threshold(nets.stages[role])
    except UserError:
        least = 0.0  # without the dataset's images there is nothing to compare with
    if answered.predictions[role].confidence < least:
        reasons.append(
            f"the {role} is less sure of it than of 99 % of the validation images "
            f"({confidence_percent(least)} or more)"
        )
    if reasons:
        st.caption(f":material/help: Unlike the training data: {'; '.join(reasons)}.")


def show_comparison(nets: SeedNets, answered: AnsweredDigit, *, table: bool) -> None:
    """Say whether the student agrees with the teacher, and at which share of its cost.

    Args:
        nets: the nets.
        answered: the digit.
        table: whether to draw the costs of each net, too.
    """
    if table:
        for column, role in zip(st.columns(3), answered.predictions, strict=False):
            column.caption(f"{role_label(role)}  \n{_cost_text(nets, role)}")
    if not {"teacher", "distilled"} <= answered.predictions.keys():
        return
    classes = len(nets.classes)
    (teacher_cost, teacher_latency), (student_cost, student_latency) = (
        (nets.service.count(model, classes), nets.service.latency(model, classes))
        for model in (nets.model("teacher"), nets.model("distilled"))
    )
    answers = {answered.predictions[role].answer for role in ("teacher", "distilled")}
    st.markdown(
        f"The distilled student **{'agrees' if len(answers) == 1 else 'disagrees'}**. It has "
        f"**{_share(student_cost.parameters / teacher_cost.parameters)}** of the teacher’s "
        f"parameters and needs **{_share(student_cost.macs / teacher_cost.macs)}** of its "
        "multiply-accumulates and "
        f"**{_share(student_latency.median / teacher_latency.median)}** of its time."
    )


def _share(value: float) -> str:
    """Return a share in percent, with two significant digits.

    >>> _share(0.827), _share(0.0089), _share(1.4)
    ('83 %', '0.89 %', '140 %')
    """
    return f"{100 * value:.2g} %" if value < 0.995 else f"{100 * value:.0f} %"


def show_distributions(nets: SeedNets, answered: AnsweredDigit) -> None:
    """Draw all probabilities at T = 1 and at the experiment's T; any other T in the lens."""
    predictions = answered.predictions
    charts = [
        ("T = 1", {role: result.probabilities_C for role, result in predictions.items()}),
        (
            f"T = {nets.temperature:g}, the experiment’s",
            {role: result.soft_targets_C for role, result in predictions.items()},
        ),
    ]
    if nets.temperature == 1.0:
        charts = charts[:1]
    columns = st.columns(len(charts))
    for number, (column, (title, probabilities)) in enumerate(zip(columns, charts, strict=True)):
        with column:
            st.markdown(f"**{title}**")
            st.plotly_chart(
                distributions_figure(probabilities, nets.classes, palette()),
                key=f"digit_distribution_{number}",
                config={"displayModeBar": False},
            )
    if st.toggle("Show the temperature lens", key="digit_lens_on"):
        lens(
            logits={role: z_C.tolist() for role, z_C in answered.logits.items()},
            label=answered.picture.label,
            classes=nets.classes,
            image=answered.digit.pixels,
            temperature=nets.temperature,
            key="digit_lens",
        )

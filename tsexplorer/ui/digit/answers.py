"""The answers of teacher, baseline and distilled student to each image, side by side."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import streamlit as st

from tsexplorer.analysis.formatting import capitalised, format_count, format_size
from tsexplorer.data.base import DatasetInfo, ImageTask, array_shape
from tsexplorer.data.registry import get_dataset
from tsexplorer.errors import UserError
from tsexplorer.objectives import trained_teachers
from tsexplorer.plots.soft_targets import distributions_figure
from tsexplorer.plots.style import TITLES
from tsexplorer.services import ExperimentSnapshot, Service, StageSnapshot
from tsexplorer.specs import ROLES, ModelSpec, Role
from tsexplorer.ui.digit import score
from tsexplorer.ui.digit.pictures import sample_picture
from tsexplorer.ui.digit.unusual import show_unusual_input, usual_range
from tsexplorer.ui.digit.words import card_name, confidence_percent, listed_classes, noun
from tsexplorer.ui.figures import enlarged
from tsexplorer.ui.lens import lens
from tsexplorer.ui.theme import card, escaped, palette, role_label

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from tsexplorer.analysis.prediction import Prediction
    from tsexplorer.imaging import Digit
    from tsexplorer.imaging.types import UInt8Image
    from tsexplorer.ui.digit.pictures import FittedImage, InputPicture

IMAGE_SIDE = 112
"""Longer side of a net input beside its answers, in pixels of the page."""
LONG_NAME = 7
"""From this many characters, the name of a class needs smaller letters in its card."""
SMALLER_NAMES = """<style>
[class*="st-key-digit_row_"] [data-testid="stMetricValue"] { font-size: 1.25rem; }
[class*="st-key-digit_row_"] [data-testid="stMetricValue"] * {
    white-space: normal; overflow-wrap: anywhere; overflow: visible; text-overflow: clip;
}
</style>"""


@dataclass(frozen=True, eq=False)
class SeedNets:
    """The trained nets of one seed of an experiment.

    Attributes:
        service: computes their answers.
        experiment: the experiment.
        stages: trained stages by role.
        info: metadata of the dataset.
    """

    service: Service
    experiment: ExperimentSnapshot
    stages: dict[Role, StageSnapshot]
    info: DatasetInfo

    @property
    def temperature(self) -> float:
        """The experiment's T."""
        return self.experiment.spec.objective.temperature

    @property
    def task(self) -> ImageTask:
        """The images and the classes."""
        return self.info.task

    @property
    def classes(self) -> tuple[str, ...]:
        """Names of the classes."""
        return self.info.classes

    def model(self, role: Role) -> ModelSpec:
        """Return the architecture of a role."""
        spec = self.experiment.spec
        return spec.teacher if role == "teacher" else spec.student


@dataclass(frozen=True, eq=False)
class AnsweredImage:
    """A net input and the answers of the nets.

    Attributes:
        picture: the picture that it comes from.
        net_input: the net input.
        logits: C by role.
        predictions: by role.
    """

    picture: InputPicture
    net_input: Digit | FittedImage
    logits: dict[Role, NDArray[np.float32]]
    predictions: dict[Role, Prediction]


def seed_nets(service: Service, experiment: ExperimentSnapshot, seed: int) -> SeedNets:
    """Return the nets of one seed that are trained."""
    stages = {role: experiment.stage(seed, role) for role in ROLES}
    trained = {role: stage for role, stage in stages.items() if stage.status == "done"}
    return SeedNets(service, experiment, trained, get_dataset(experiment.spec.data.name).info)


def show_notes(nets: SeedNets) -> None:
    """Explain an ensemble of teachers, and that nets know the classes of their dataset only."""
    teachers = len(trained_teachers(nets.experiment.spec))
    if teachers > 1:
        st.caption(f"The student learned from {teachers} teachers. The first one answers here.")
    info = nets.info
    if not info.handwriting:
        st.caption(
            f":material/category: These nets were trained on {escaped(info.title)} only. Whatever "
            f"a picture shows, they answer with one of {len(info.classes)} classes: "
            f"{listed_classes(info.classes)}."
        )


def warm_up(nets: SeedNets) -> None:
    """Load what the first answer needs: imports, nets, latencies and the usual range."""
    import numpy as np

    blank = np.zeros((1, *array_shape(nets.info.image_shape)), np.uint8)
    sample_picture(blank[0], "blank", None, nets.info)
    for role, stage in nets.stages.items():
        nets.service.inference.logits(stage, blank)
        nets.service.latency(nets.model(role), nets.task)
    if not nets.info.handwriting:
        usual_range(nets.info.name, nets.service)


def answer_images(nets: SeedNets, pictures: Sequence[InputPicture]) -> list[AnsweredImage]:
    """Compute the answers to every net input. A net that fails gets a warning and is left out.

    Raises:
        UserError: all nets failed.
    """
    from tsexplorer.analysis.prediction import prediction_from_logits

    net_inputs = [(picture, item) for picture in pictures for item in picture.net_inputs]
    if not net_inputs:
        return []
    import numpy as np

    pixels_N = np.stack([item.pixels for _, item in net_inputs])
    logits = {}
    for role, stage in nets.stages.items():
        try:
            logits[role] = nets.service.inference.logits(stage, pixels_N)
        except UserError as error:
            st.warning(f"{TITLES[role]}: {escaped(str(error))}", icon=":material/warning:")
    if not logits:
        raise UserError("No net of this experiment can answer. Train the experiment first.")
    return [
        AnsweredImage(
            picture,
            item,
            {role: z_NC[index] for role, z_NC in logits.items()},
            {
                role: prediction_from_logits(z_NC[index], nets.temperature)
                for role, z_NC in logits.items()
            },
        )
        for index, (picture, item) in enumerate(net_inputs)
    ]


def show_images(nets: SeedNets, images: Sequence[AnsweredImage]) -> None:
    """Draw each net input with the answers of the nets."""
    several = len(images) > 1
    hashes = [stage.hash for stage in nets.stages.values()]
    word = capitalised(noun(nets.info))
    key_counts: Counter[str] = Counter()
    if images and max(map(len, nets.classes)) >= LONG_NAME:
        st.html(SMALLER_NAMES)
    for number, answered in enumerate(images, 1):
        title = f"{word} {number} of {len(images)}, {escaped(answered.picture.name)}"
        with st.container(border=True, key=f"digit_row_{number}"):
            key = score.answer_key(answered.net_input.pixels, hashes)
            key_counts[key] += 1  # two pictures may give the same net input
            unique_key = f"{key}_{key_counts[key]}" if key_counts[key] > 1 else key
            _show_image(nets, answered, title if several else "", unique_key)


def _show_image(nets: SeedNets, answered: AnsweredImage, title: str, key: str) -> None:
    """Draw one net input; the cards of an only one, which has no title, show the costs, too."""
    entry = score.Entry(
        answered.picture.name,
        answered.net_input.pixels,
        {role: nets.classes[result.answer] for role, result in answered.predictions.items()},
        {role: result.confidence for role, result in answered.predictions.items()},
    )
    columns = st.columns([1.3, *[2] * len(answered.predictions)], gap="small")
    with columns[0], st.container(horizontal=True, gap="small"):
        show_pixels(answered.net_input.pixels, IMAGE_SIDE, "net input")
        with st.container(width="content", gap="xsmall"):
            _show_label(nets, answered, title)
            _show_agreement(answered)
    for column, (role, result) in zip(columns[1:], answered.predictions.items(), strict=True):
        with column:
            cost = "" if title else f"  \n{_cost_text(nets, role)}"
            name = nets.classes[result.answer]
            shown = card_name(name)
            card(
                role_label(role),
                escaped(shown),
                _confidence_text(result) + cost,
                explanation=None if shown == name else escaped(name),
            )
            score.mark_buttons(key, entry, role)
    show_unusual_input(nets, answered)


def show_pixels(pixels: UInt8Image, side: int, alt: str) -> None:
    """Draw a net input with visible pixels.

    Args:
        pixels: H×W or H×W×3.
        side: longer side on the page, in pixels of the page.
        alt: description.
    """
    longer = max(pixels.shape[:2])
    width = max(1, round(side * pixels.shape[1] / longer))
    # Twice the size on the page, because the screens of most phones have two pixels for one.
    st.image(enlarged(pixels, -(-2 * side // longer)), width=width, alt=alt)


def _show_label(nets: SeedNets, answered: AnsweredImage, title: str) -> None:
    label = answered.picture.label
    if label is None:
        st.caption(title or "Net input")
        return
    name = nets.classes[label]
    shown = card_name(name)
    lines = [title, f"Label: **{escaped(shown)}**"]
    st.caption("  \n".join(filter(None, lines)), help=None if shown == name else escaped(name))


def _show_agreement(answered: AnsweredImage) -> None:
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
    model = nets.model(role)
    cost, latency = nets.service.count(model, nets.task), nets.service.latency(model, nets.task)
    return (
        f"{cost.parameters:,} parameters, {format_size(cost.bytes)}, "
        f"{format_count(cost.macs)} MACs  \n"
        f"{latency.median:.3g} ms ({latency.low:.3g}–{latency.high:.3g})"
    )


def show_comparison(nets: SeedNets, answered: AnsweredImage, *, table: bool) -> None:
    """Say whether the student agrees with the teacher, and at which share of its cost.

    Args:
        nets: the nets.
        answered: the image and its answers.
        table: whether to draw the costs of each net, too.
    """
    if table:
        for column, role in zip(st.columns(3), answered.predictions, strict=False):
            column.caption(f"{role_label(role)}  \n{_cost_text(nets, role)}")
    if not {"teacher", "distilled"} <= answered.predictions.keys():
        return
    (teacher_cost, teacher_latency), (student_cost, student_latency) = (
        (nets.service.count(model, nets.task), nets.service.latency(model, nets.task))
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


def show_distributions(nets: SeedNets, answered: AnsweredImage) -> None:
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
            image=answered.net_input.pixels,
            temperature=nets.temperature,
            key="digit_lens",
        )

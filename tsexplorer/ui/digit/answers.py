"""What teacher, baseline and distilled student say to each digit, side by side."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import streamlit as st

from tsexplorer.analysis.formatting import counted, size
from tsexplorer.data.digits import as_it_is
from tsexplorer.data.registry import get_dataset
from tsexplorer.errors import UserError
from tsexplorer.objectives import teachers_of
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

    from tsexplorer.analysis.prediction import Verdict
    from tsexplorer.data.digits import Digit
    from tsexplorer.ui.digit.inputs import Shown

IMAGE_SCALE = 4
STROKES = ("mnist-5k", "mnist", "emnist-letters")
"""Datasets of pen strokes: pictures are read as such, and ink can look unlike theirs."""


@dataclass(frozen=True, eq=False)
class Panel:
    """The nets that are asked.

    Attributes:
        service: through which.
        experiment: whose nets.
        stages: by role; those that can answer.
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
        """The net of a role."""
        spec = self.experiment.spec
        return spec.teacher if role == "teacher" else spec.student


@dataclass(frozen=True, eq=False)
class Asked:
    """One digit and what the nets say.

    Attributes:
        shown: the picture it is from.
        digit: the net input.
        logits: C by role.
        verdicts: by role.
    """

    shown: Shown
    digit: Digit
    logits: dict[Role, NDArray[np.float32]]
    verdicts: dict[Role, Verdict]


def panel(service: Service, experiment: ExperimentSnapshot, seed: int) -> Panel:
    """The nets of one seed that are trained."""
    stages = {role: experiment.stage(seed, role) for role in ROLES}
    trained = {role: stage for role, stage in stages.items() if stage.status == "done"}
    classes = get_dataset(experiment.spec.data.name).info.classes
    return Panel(service, experiment, trained, classes)


def say_what_they_know(nets: Panel) -> None:
    """A word where the nets did not learn from pen strokes, or another teacher taught, too."""
    teachers = len(teachers_of(nets.experiment.spec))
    if teachers > 1:
        st.caption(f"The student learned from {teachers} teachers; here the first of them answers.")
    info = get_dataset(nets.experiment.spec.data.name).info
    if info.name not in STROKES:
        st.info(
            f"These nets know {info.title} and nothing else: whatever a picture shows, they answer "
            f"with one of {', '.join(info.classes[:3])} and so on. Samples suit them best.",
            icon=":material/checkroom:",
        )


def warm(nets: Panel) -> None:
    """Have everything ready that the first answer needs: imports, nets, their times."""
    import numpy as np

    blank = np.zeros((1, 28, 28), np.uint8)
    as_it_is(blank[0], "blank")
    for role, stage in nets.stages.items():
        nets.service.reading.ask(stage, blank)
        nets.service.latency(nets.model(role), len(nets.classes))


def ask(nets: Panel, pictures: Sequence[Shown]) -> list[Asked]:
    """Ask the nets about every digit; a net that cannot answer is said and left out.

    Raises:
        UserError: none can answer.
    """
    from tsexplorer.analysis.prediction import verdict

    found = [(shown, digit) for shown in pictures for digit in shown.reading.digits]
    if not found:
        return []
    import numpy as np

    pixels_N = np.stack([digit.pixels for _, digit in found])
    logits = {}
    for role, stage in nets.stages.items():
        try:
            logits[role] = nets.service.reading.ask(stage, pixels_N)
        except UserError as error:
            st.warning(f"{TITLES[role]}: {escaped(str(error))}", icon=":material/warning:")
    if not logits:
        raise UserError("No net of this experiment can answer; train it first.")
    return [
        Asked(
            shown,
            digit,
            {role: z_NC[place] for role, z_NC in logits.items()},
            {role: verdict(z_NC[place], nets.temperature) for role, z_NC in logits.items()},
        )
        for place, (shown, digit) in enumerate(found)
    ]


def rows(nets: Panel, asked: Sequence[Asked]) -> None:
    """Each digit with the answer of each net."""
    several = len(asked) > 1
    hashes = [stage.hash for stage in nets.stages.values()]
    seen: Counter[str] = Counter()
    for number, one in enumerate(asked, 1):
        title = f"Digit {number} of {len(asked)}, {escaped(one.shown.name)}" if several else ""
        with st.container(border=True, key=f"digit_row_{number}"):
            key = score.key_of(one.digit.pixels, hashes)
            seen[key] += 1  # the same digit may be there twice
            _row(nets, one, title, f"{key}_{seen[key]}" if seen[key] > 1 else key)


def _row(nets: Panel, one: Asked, title: str, key: str) -> None:
    """One digit; what the nets cost stands in its cards where it is the only one."""
    entry = score.Entry(
        one.shown.name,
        one.digit.pixels,
        {role: nets.classes[said.answer] for role, said in one.verdicts.items()},
        {role: said.confidence for role, said in one.verdicts.items()},
    )
    columns = st.columns([1.1, *[2] * len(one.verdicts)], gap="small")
    with columns[0], st.container(horizontal=True, gap="small"):
        st.image(enlarged(one.digit.pixels, IMAGE_SCALE), width=28 * IMAGE_SCALE, alt="net input")
        with st.container(width="content", gap="xsmall"):
            label = one.shown.label
            words = [title, "" if label is None else f"Label: **{escaped(nets.classes[label])}**"]
            st.caption("  \n".join(filter(None, words)) or "What the nets see")
            _agreement(one)
    for column, (role, said) in zip(columns[1:], one.verdicts.items(), strict=True):
        with column:
            costs = "" if title else f"  \n{_costs(nets, role)}"
            card(role_label(role), nets.classes[said.answer], _confidence(said) + costs)
            score.marks_of(key, entry, role)
    _doubts(nets, one)


def _agreement(one: Asked) -> None:
    from tsexplorer.analysis.prediction import agreed

    if len(one.verdicts) < 2:
        return
    if agreed(one.verdicts):
        st.badge("All agree", icon=":material/check:", color="green")
    else:
        st.badge("They disagree", icon=":material/call_split:", color="red")


def _confidence(said: Verdict) -> str:
    return f"**{sure(said.confidence)}** sure, entropy {said.entropy:.2f} nats"


def _costs(nets: Panel, role: Role) -> str:
    model, classes = nets.model(role), len(nets.classes)
    cost, time = nets.service.count(model, classes), nets.service.latency(model, classes)
    return (
        f"{cost.parameters:,} parameters, {size(cost.bytes)}, {counted(cost.macs)} MACs  \n"
        f"{time.median:.3g} ms ({time.low:.3g}–{time.high:.3g})"
    )


def sure(share: float) -> str:
    """A confidence in percent, never rounded up to certainty.

    >>> sure(0.5), sure(0.99999), sure(1.0)
    ('50.0 %', '> 99.9 %', '> 99.9 %')
    """
    return "> 99.9 %" if share > 0.999 else f"{100 * share:.1f} %"


def _doubts(nets: Panel, one: Asked) -> None:
    """A mild word where a digit looks unlike what the nets learned from."""
    from tsexplorer.analysis.prediction import judge

    doubts = []
    if not one.digit.usual and nets.experiment.spec.data.name in STROKES:
        doubts.append("its strokes have far more or less ink than nearly all training images")
    role = judge(one.verdicts)
    try:
        least = nets.service.reading.least_confidence(nets.stages[role])
    except UserError:
        least = 0.0  # without its images nobody knows how sure it usually is
    if one.verdicts[role].confidence < least:
        doubts.append(
            f"the {role} is less sure of it than of 99 in 100 validation images ({sure(least)})"
        )
    if doubts:
        st.caption(f":material/help: Unlike the training data: {'; '.join(doubts)}.")


def comparison(nets: Panel, one: Asked, *, table: bool) -> None:
    """One glance: the same answer at which share of the cost; with ``table`` the costs, too."""
    if table:
        for column, role in zip(st.columns(3), one.verdicts, strict=False):
            column.caption(f"{role_label(role)}  \n{_costs(nets, role)}")
    if not {"teacher", "distilled"} <= one.verdicts.keys():
        return
    classes = len(nets.classes)
    large, small = (
        (nets.service.count(model, classes), nets.service.latency(model, classes))
        for model in (nets.model("teacher"), nets.model("distilled"))
    )
    same = one.verdicts["teacher"].answer == one.verdicts["distilled"].answer
    st.markdown(
        f"{'**Same answer**' if same else '**Another answer**'} from the distilled student, with "
        f"**{_share(small[0].parameters / large[0].parameters)}** of the teacher’s parameters, "
        f"**{_share(small[0].macs / large[0].macs)}** of its multiply-accumulates and "
        f"**{_share(small[1].median / large[1].median)}** of its time."
    )


def _share(value: float) -> str:
    """A share as people say it.

    >>> _share(0.827), _share(0.0089), _share(1.4)
    ('83 %', '0.89 %', '140 %')
    """
    return f"{100 * value:.2g} %" if value < 0.995 else f"{100 * value:.0f} %"


def distributions(nets: Panel, one: Asked) -> None:
    """All probabilities at T = 1 and at the experiment's T; any other T in the lens."""
    said = one.verdicts
    both = [
        ("T = 1", {role: one_.probabilities_C for role, one_ in said.items()}),
        (
            f"T = {nets.temperature:g}, the experiment’s",
            {role: one_.soft_targets_C for role, one_ in said.items()},
        ),
    ]
    if nets.temperature == 1.0:
        both = both[:1]
    for number, (column, (title, shares)) in enumerate(
        zip(st.columns(len(both)), both, strict=True)
    ):
        with column:
            st.markdown(f"**{title}**")
            st.plotly_chart(
                distributions_figure(shares, nets.classes, palette()),
                key=f"digit_distribution_{number}",
                config={"displayModeBar": False},
            )
    if st.toggle("Look at it through the temperature lens", key="digit_lens_on"):
        lens(
            logits={role: z_C.tolist() for role, z_C in one.logits.items()},
            label=one.shown.label,
            classes=nets.classes,
            image=one.digit.pixels,
            temperature=nets.temperature,
            key="digit_lens",
        )

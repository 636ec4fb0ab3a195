"""The slider, and everything that follows it.

The experiment in plain sentences.

What each rule comes to, over all seeds, as a table.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
import streamlit as st

from tsexplorer.analysis.bias import RULES, Outcome, Rule, Study, errors_over, outcome
from tsexplorer.analysis.formatting import begun, with_interval
from tsexplorer.analysis.seed_statistics import Interval, interval
from tsexplorer.data.class_subsets import class_names
from tsexplorer.data.registry import DatasetInfo, get_dataset
from tsexplorer.errors import UserError
from tsexplorer.plots.never_seen import (
    RULE_TITLES,
    Curve,
    Mark,
    errors_figure,
    recall_figure,
)
from tsexplorer.plots.quality import confusion_figure
from tsexplorer.plots.style import TITLES
from tsexplorer.services import ExperimentSnapshot, Service
from tsexplorer.specs import Role
from tsexplorer.ui.app_state import sentences
from tsexplorer.ui.never_seen.picker import BIAS, ready_seeds
from tsexplorer.ui.theme import card, escaped, palette, role_label
from tsexplorer.ui.url_state import adopt, number_within, publish

POINTS = 151
BESIDE: tuple[Role, ...] = ("baseline", "teacher")
PLOTLY = {"displaylogo": False, "modeBarButtonsToRemove": ["select2d", "lasso2d", "autoScale2d"]}
RULE_ICONS: dict[Rule, str] = {
    "none": ":material/restart_alt:",
    "label-free": ":material/star:",
    "validation": ":material/change_history:",
    "test": ":material/close:",
}


@dataclass(frozen=True, eq=False)
class Seen:
    """One seed's student, and the nets beside it.

    Attributes:
        key: of the stage, for the slider's state.
        info: the dataset.
        study: the student's answers.
        others: what nets that saw all classes answer to the same images.
        marks: the rules' choices.
        curve: test errors over the slider's range.
        step: of the slider.
    """

    key: str
    info: DatasetInfo
    study: Study
    others: dict[Role, Outcome]
    marks: tuple[Mark, ...]
    curve: Curve
    step: float

    @property
    def ends(self) -> tuple[float, float]:
        """The slider's."""
        return float(self.curve.biases_K[0]), float(self.curve.biases_K[-1])


def look(service: Service, experiment: ExperimentSnapshot, seed: int) -> Seen:
    """Ask the nets of one seed; teacher or baseline that cannot answer is said and left out.

    Raises:
        UserError: the student cannot answer, or the images are not here.
    """
    stage = experiment.stage(seed, "distilled")
    study = service.reading.bias_study(stage)
    others: dict[Role, Outcome] = {}
    for role in BESIDE:
        try:
            answers = service.reading.answers(experiment.stage(seed, role), "test")
        except UserError as error:
            st.warning(f"{TITLES[role]}: {escaped(str(error))}", icon=":material/warning:")
        else:
            others[role] = outcome(answers.logits_NC, answers.labels_N, study.raised, 0.0)
    step, low, high = slider_range(list(study.biases.values()))
    grid_K = np.linspace(low, high, POINTS)
    errors_K = errors_over(study.z_NC, study.labels_N, study.raised, grid_K)
    return Seen(
        key=f"never_bias_{stage.hash}",
        info=get_dataset(experiment.spec.data.name).info,
        study=study,
        others=others,
        marks=tuple(Mark(rule, b, study.at(b).errors) for rule, b in study.biases.items()),
        curve=Curve(grid_K, errors_K, len(study.labels_N)),
        step=step,
    )


def slider_range(biases: list[float]) -> tuple[float, float, float]:
    """Step, low and high of a slider that has all these biases well inside.

    >>> slider_range([0.0, 3.4, 3.5]), slider_range([0.0, -30.0])
    ((0.1, -5.0, 10.0), (0.5, -50.0, 25.0))
    """
    reach = max(1.0, 1.5 * max(abs(bias) for bias in biases))
    power = 10.0 ** math.floor(math.log10(reach))
    far = next(factor * power for factor in (1, 2, 5, 10) if factor * power >= reach)
    step = round(far / 100, 6)
    if max(biases) >= -min(biases):
        return step, -far / 2, far
    return step, -far, far / 2


@st.fragment
def view(seen: Seen) -> None:
    """Slider, sentence, figures. A fragment: a move of the slider draws nothing else."""
    with sentences():
        bias = _slider(seen)
        now = seen.study.at(bias)
        st.markdown(f"#### {story(seen.info, seen.study.raised, seen.study.at(0.0), now)}")
        _cards(seen, now)
        left, right = st.columns(2, gap="medium")
        with left:
            st.markdown("**Errors as the bias moves**")
            _errors(seen, bias)
        with right:
            st.markdown("**Class by class**")
            recall = {"distilled": now.recall_C} | {
                role: one.recall_C for role, one in seen.others.items()
            }
            st.plotly_chart(
                recall_figure(recall, seen.info.classes, seen.study.raised, palette()),  # type: ignore[arg-type]
                key="never_recall",
                config=PLOTLY,
            )
        st.markdown("**What it takes for what**")
        st.plotly_chart(
            confusion_figure(now.confusion_CC, seen.info.classes, palette()),
            key="never_confusion",
            config=PLOTLY,
        )


def _slider(seen: Seen) -> float:
    """The slider, and a button for each rule's choice."""
    low, high = seen.ends
    st.session_state.setdefault(seen.key, _rounded(seen, seen.study.biases["label-free"]))
    adopt(BIAS, number_within(low, high), seen.key)
    never = class_names(seen.info, seen.study.raised)
    bias = st.slider(
        f"Bias b added to the logit of {never}"
        if len(seen.study.raised) == 1
        else f"Bias b added to the logits of {never}",
        low,
        high,
        step=seen.step,
        key=seen.key,
        help="A net’s last layer has a bias for each class. That of a class it never met has "
        "learnt to be low. Arrow keys move it, too. Raising it is the same as lowering all others.",
    )
    publish(BIAS, seen.key)
    with st.container(horizontal=True, key="never_rules"):
        for rule in RULES:
            st.button(
                f"{RULE_TITLES[rule]}: {signed(seen.study.biases[rule])}",
                key=f"never_rule_{rule}",
                icon=RULE_ICONS[rule],
                on_click=_choose,
                args=(seen, rule),
            )
    return float(bias)


def _choose(seen: Seen, rule: Rule) -> None:
    st.session_state[seen.key] = _rounded(seen, seen.study.biases[rule])


def _rounded(seen: Seen, bias: float) -> float:
    """A bias that the slider can have."""
    return round(round(bias / seen.step) * seen.step, 6)


def _cards(seen: Seen, now: Outcome) -> None:
    columns = st.columns(4)
    images = int(now.confusion_CC.sum(1)[list(seen.study.raised)].sum())
    right = round(now.raised_right * images) if images else 0
    with columns[0]:
        card(
            "**Never seen, right**",
            percent(now.raised_right),
            f"{right:,} of {images:,} test images of {class_names(seen.info, seen.study.raised)}",
        )
    with columns[1]:
        card(
            role_label("distilled"),
            f"{now.errors:,} errors",
            f"{percent(now.errors / now.size)} of {now.size:,} test images, b = {signed(now.bias)}",
        )
    for column, role in zip(columns[2:], BESIDE, strict=True):
        if (one := seen.others.get(role)) is not None:
            with column:
                card(
                    role_label(role),
                    f"{one.errors:,} errors",
                    f"{percent(one.errors / one.size)} of {one.size:,} test images; saw all "
                    "classes",
                )


def _errors(seen: Seen, bias: float) -> None:
    others = {role: one.errors for role, one in seen.others.items()}
    st.plotly_chart(
        errors_figure(seen.curve, seen.marks, bias, others, palette()),
        key="never_errors",
        config=PLOTLY,
    )


def signed(value: float) -> str:
    """A bias as people write it.

    >>> signed(3.456), signed(-7.6), signed(0.001)
    ('+3.46', '−7.60', '0')
    """
    return "0" if abs(value) < 0.005 else f"{value:+.2f}".replace("-", "−")


LEARNT = 0.5
"""Share of the never-seen images from which on a student may be said to know them."""


def story(info: DatasetInfo, never: tuple[int, ...], plain: Outcome, now: Outcome) -> str:
    """What the student was shown, and what it gets right, as markdown.

    Args:
        info: whose classes.
        never: classes that it was never shown.
        plain: its answers as it was trained.
        now: with the bias in force.
    """
    kept = [label for label in range(len(info.classes)) if label not in never]
    if len(never) > len(kept):
        shown = f"This student was shown images of **{class_names(info, kept)}** alone."
    else:
        shown = f"This student was never shown an image of **{class_names(info, never)}**."
    them = "them" if len(never) <= len(kept) else "the others"
    as_trained = f"As it was trained it gets {percent(plain.raised_right)} of {them} right."
    if abs(now.bias) < 0.005:
        return f"{shown} {as_trained}"
    whose = "its bias" if len(never) == 1 else "their biases"
    moved = "raised" if now.bias > 0 else "lowered"
    said = (
        f"With {whose} {moved} by {abs(now.bias):.2f} it gets **{percent(now.raised_right)}** right"
    )
    if now.raised_right >= LEARNT:
        said += ": it learnt them from the teacher’s soft targets for images of other classes"
    return f"{shown} {as_trained} {said}."


def how(rule: Rule, share: str, counted: bool) -> str:
    """How a rule comes to its bias.

    Args:
        rule: which.
        share: of the answers that never-seen classes should get, in words.
        counted: whether that share was counted, or taken to be the same for each class.
    """
    source = "as in the training labels" if counted else "as if all were as frequent"
    return {
        "none": "b = 0",
        "label-free": f"they get {share} of validation’s answers, {source}; no label is read",
        "validation": "fewest errors on validation, with labels",
        "test": "fewest errors on test, as in Hinton 2015: no measurement, since it looks at what "
        "it is judged by",
    }[rule]


def percent(share: float) -> str:
    """A share of 1 in percent; a dash for none.

    >>> percent(0.981), percent(float("nan"))
    ('98.1 %', '–')
    """
    return "–" if math.isnan(share) else f"{100 * share:.1f} %"


def rules_view(service: Service, experiment: ExperimentSnapshot) -> None:
    """A row a rule: its bias, and what comes of it on the test split."""
    seeds = ready_seeds(experiment)
    reading = service.reading
    with st.spinner("Asking the nets"):
        studies = [reading.bias_study(experiment.stage(seed, "distilled")) for seed in seeds]
    counted = reading.class_shares(experiment.spec.data.name).counted
    share = percent(studies[0].share)
    st.subheader("How the bias may be chosen", anchor=False)
    st.dataframe(
        pd.DataFrame([_row(rule, studies, how(rule, share, counted)) for rule in RULES]),
        hide_index=True,
    )
    several = len(seeds) > 1
    images = reading.images(experiment.spec.data.name, "test")
    st.caption(
        f"{begun(images.words)}; seed{'s' * several} "
        f"{', '.join(map(str, seeds))}"
        f"{': means ± 95 % interval over seeds (Student’s t)' if several else ''}. The slider is "
        "judged on test images, too: that is looking, not choosing."
    )


def _row(rule: Rule, studies: Sequence[Study], words: str) -> dict[str, str]:
    found = [study.at(study.biases[rule]) for study in studies]
    return {
        "Rule": RULE_TITLES[rule],
        "b": _number(interval([one.bias for one in found]), 2),
        "Test errors": _number(interval([float(one.errors) for one in found]), 0),
        "Errors": with_interval(interval([one.errors / one.size for one in found])),
        "Never seen, right": with_interval(interval([one.raised_right for one in found]), 1),
        "How b is chosen": words,
    }


def _number(value: Interval | None, digits: int) -> str:
    """A mean with its interval, where there is one."""
    assert value is not None
    mean = f"{value.mean:,.{digits}f}".replace("-", "−")
    return mean if value.half is None else f"{mean} ± {value.half:,.{digits}f}"

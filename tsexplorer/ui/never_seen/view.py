"""The bias slider with its figures, and the table of the rules that choose a bias."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
import streamlit as st

from tsexplorer.analysis.bias import (
    BIAS_RULES,
    BiasEvaluation,
    BiasRule,
    BiasStudy,
    errors_by_bias,
    evaluate_bias,
)
from tsexplorer.analysis.formatting import capitalised, with_interval
from tsexplorer.analysis.seed_statistics import Interval, interval
from tsexplorer.analysis.soft_targets import Floats
from tsexplorer.data.registry import DatasetInfo, get_dataset
from tsexplorer.data.subsets import format_class_names
from tsexplorer.errors import UserError
from tsexplorer.plots.never_seen import (
    RULE_TITLES,
    BiasCurve,
    BiasMark,
    errors_figure,
    recall_figure,
)
from tsexplorer.plots.quality import confusion_figure
from tsexplorer.plots.style import TITLES
from tsexplorer.services import ExperimentSnapshot, Service
from tsexplorer.specs import Role
from tsexplorer.ui.app_state import show_errors
from tsexplorer.ui.never_seen.picker import BIAS, trained_seeds
from tsexplorer.ui.theme import card, escaped, palette, role_label
from tsexplorer.ui.url_state import number_within, read_parameter, write_parameter

CURVE_POINTS = 151
OTHER_ROLES: tuple[Role, ...] = ("baseline", "teacher")
LEARNED = 0.5
"""Recall on the never-seen classes from which the text says that the student learned them."""
PLOTLY = {"displaylogo": False, "modeBarButtonsToRemove": ["select2d", "lasso2d", "autoScale2d"]}
RULE_ICONS: dict[BiasRule, str] = {
    "none": ":material/restart_alt:",
    "label-free": ":material/star:",
    "validation": ":material/change_history:",
    "test": ":material/close:",
}


@dataclass(frozen=True, eq=False)
class BiasData:
    """The answers of one seed's nets to the test images.

    Attributes:
        key: session key of the slider's value; another one for each student.
        info: the dataset.
        study: the student's logits, and the bias that each rule chooses.
        others: scores of the nets that were trained on all classes.
        marks: the biases that the rules choose, for the figure.
        curve: test errors over the slider's range.
        step: of the slider.
    """

    key: str
    info: DatasetInfo
    study: BiasStudy
    others: dict[Role, BiasEvaluation]
    marks: tuple[BiasMark, ...]
    curve: BiasCurve
    step: float

    @property
    def slider_ends(self) -> tuple[float, float]:
        """Lowest and highest bias of the slider."""
        return float(self.curve.biases_K[0]), float(self.curve.biases_K[-1])

    @property
    def never_seen(self) -> str:
        """Names of the classes that the student was not trained on."""
        return format_class_names(self.info, self.study.raised)


def load_bias_data(service: Service, experiment: ExperimentSnapshot, seed: int) -> BiasData:
    """Compute the answers of one seed's nets. Teacher or baseline that fails is left out.

    Raises:
        UserError: the student's answers cannot be computed, or the images are missing.
    """
    stage = experiment.stage(seed, "distilled")
    study = service.inference.bias_study(stage)
    others: dict[Role, BiasEvaluation] = {}
    for role in OTHER_ROLES:
        try:
            answers = service.inference.answers(experiment.stage(seed, role), "test")
        except UserError as error:
            st.warning(f"{TITLES[role]}: {escaped(str(error))}", icon=":material/warning:")
        else:
            others[role] = evaluate_bias(answers.logits_NC, answers.labels_N, study.raised, 0.0)
    step, low, high = slider_range(list(study.biases.values()))
    biases_K = np.linspace(low, high, CURVE_POINTS)
    errors_K = errors_by_bias(study.z_NC, study.labels_N, study.raised, biases_K)
    return BiasData(
        key=f"never_bias_{stage.hash}",
        info=get_dataset(experiment.spec.data.name).info,
        study=study,
        others=others,
        marks=tuple(
            BiasMark(rule, bias, study.evaluate(bias).errors) for rule, bias in study.biases.items()
        ),
        curve=BiasCurve(biases_K, errors_K, len(study.labels_N)),
        step=step,
    )


def slider_range(biases: list[float]) -> tuple[float, float, float]:
    """Return step, lowest and highest value of a slider for all these biases, with a margin.

    >>> slider_range([0.0, 3.4, 3.5]), slider_range([0.0, -30.0])
    ((0.1, -5.0, 10.0), (0.5, -50.0, 25.0))
    """
    reach = max(1.0, 1.5 * max(abs(bias) for bias in biases))
    power = 10.0 ** math.floor(math.log10(reach))
    end = next(factor * power for factor in (1, 2, 5, 10) if factor * power >= reach)
    step = round(end / 100, 6)
    if max(biases) >= -min(biases):
        return step, -end / 2, end
    return step, -end, end / 2


# -- slider and figures -----------------------------------------------------------------------


@st.fragment
def bias_view(data: BiasData) -> None:
    """Draw slider, text and figures. As a fragment, so that the slider redraws only this part."""
    with show_errors():
        bias = _slider(data)
        scores = data.study.evaluate(bias)
        text = story(data.info, data.study.raised, data.study.evaluate(0.0), scores)
        st.markdown(f"#### {text}")
        _cards(data, scores)
        left, right = st.columns(2, gap="medium")
        with left:
            st.markdown("**Errors by bias**")
            errors = {role: other.errors for role, other in data.others.items()}
            st.plotly_chart(
                errors_figure(data.curve, data.marks, bias, errors, palette()),
                key="never_errors",
                config=PLOTLY,
            )
        with right:
            st.markdown("**Recall by class**")
            recall: dict[Role, Floats] = {"distilled": scores.recall_C}
            recall |= {role: other.recall_C for role, other in data.others.items()}
            st.plotly_chart(
                recall_figure(recall, data.info.classes, data.study.raised, palette()),
                key="never_recall",
                config=PLOTLY,
            )
        st.markdown("**Confusions**")
        st.plotly_chart(
            confusion_figure(scores.confusion_CC, data.info.classes, palette()),
            key="never_confusion",
            config=PLOTLY,
        )


def _slider(data: BiasData) -> float:
    """Draw the slider, and a button for the bias of each rule."""
    low, high = data.slider_ends
    st.session_state.setdefault(data.key, _round_to_step(data, data.study.biases["label-free"]))
    read_parameter(BIAS, number_within(low, high), data.key)
    logits = "logit" if len(data.study.raised) == 1 else "logits"
    bias = st.slider(
        f"Bias b added to the {logits} of {data.never_seen}",
        low,
        high,
        step=data.step,
        key=data.key,
        help="A net’s last layer has a bias for each class. For a class without training images, "
        "the net learned a low bias. Raising it is the same as lowering all others. The arrow keys "
        "move the slider, too.",
    )
    write_parameter(BIAS, data.key)
    with st.container(horizontal=True, key="never_rules"):
        for rule in BIAS_RULES:
            st.button(
                f"{RULE_TITLES[rule]}: {signed(data.study.biases[rule])}",
                key=f"never_rule_{rule}",
                icon=RULE_ICONS[rule],
                on_click=_apply_rule,
                args=(data, rule),
            )
    return float(bias)


def _apply_rule(data: BiasData, rule: BiasRule) -> None:
    st.session_state[data.key] = _round_to_step(data, data.study.biases[rule])


def _round_to_step(data: BiasData, bias: float) -> float:
    return round(round(bias / data.step) * data.step, 6)


def _cards(data: BiasData, scores: BiasEvaluation) -> None:
    columns = st.columns(4)
    images = int(scores.confusion_CC.sum(1)[list(data.study.raised)].sum())
    right = round(scores.raised_recall * images) if images else 0
    with columns[0]:
        card(
            "**Never seen, right**",
            percent(scores.raised_recall),
            f"{right:,} of {images:,} test images of {data.never_seen}",
        )
    with columns[1]:
        card(
            role_label("distilled"),
            f"{scores.errors:,} errors",
            f"{percent(scores.errors / scores.size)} of {scores.size:,} test images, "
            f"b = {signed(scores.bias)}",
        )
    for column, role in zip(columns[2:], OTHER_ROLES, strict=True):
        if (other := data.others.get(role)) is not None:
            with column:
                card(
                    role_label(role),
                    f"{other.errors:,} errors",
                    f"{percent(other.errors / other.size)} of {other.size:,} test images; trained "
                    "on all classes",
                )


def story(
    info: DatasetInfo, never_seen: tuple[int, ...], as_trained: BiasEvaluation, now: BiasEvaluation
) -> str:
    """Return what the student was trained on and what it gets right, as markdown.

    Args:
        info: the dataset.
        never_seen: classes that the student was not trained on.
        as_trained: its scores without a bias.
        now: its scores with the bias of the slider.
    """
    seen = [label for label in range(len(info.classes)) if label not in never_seen]
    if len(never_seen) > len(seen):
        training = f"This student was only shown images of **{format_class_names(info, seen)}**."
        never_seen_names = "the others"
    else:
        names = format_class_names(info, never_seen)
        training = f"This student was never shown an image of **{names}**."
        never_seen_names = "them"
    before = f"As trained, it gets {percent(as_trained.raised_recall)} of {never_seen_names} right."
    if abs(now.bias) < 0.005:
        return f"{training} {before}"
    biases = "its bias" if len(never_seen) == 1 else "their biases"
    direction = "raised" if now.bias > 0 else "lowered"
    after = (
        f"With {biases} {direction} by {abs(now.bias):.2f}, it gets "
        f"**{percent(now.raised_recall)}** right"
    )
    if now.raised_recall >= LEARNED:
        after += ": it learned them from the teacher’s soft targets for images of other classes"
    return f"{training} {before} {after}."


def signed(value: float) -> str:
    """Return a bias with its sign.

    >>> signed(3.456), signed(-7.6), signed(0.001)
    ('+3.46', '−7.60', '0')
    """
    return "0" if abs(value) < 0.005 else f"{value:+.2f}".replace("-", "−")


def percent(share: float) -> str:
    """Return a share in percent; a dash for NaN.

    >>> percent(0.981), percent(float("nan"))
    ('98.1 %', '–')
    """
    return "–" if math.isnan(share) else f"{100 * share:.1f} %"


# -- rules ------------------------------------------------------------------------------------


def rules_view(service: Service, experiment: ExperimentSnapshot) -> None:
    """Draw a table with a row for each rule: its bias, and the scores on test, over all seeds."""
    seeds = trained_seeds(experiment)
    dataset = experiment.spec.data.name
    inference = service.inference
    with st.spinner("Computing the nets’ answers"):
        studies = [inference.bias_study(experiment.stage(seed, "distilled")) for seed in seeds]
    names = format_class_names(get_dataset(dataset).info, studies[0].raised)
    counted = inference.class_shares(dataset).counted
    explanations = explain_rules(names, len(studies[0].raised), studies[0].share, counted)
    st.subheader("Rules for the bias", anchor=False)
    st.dataframe(
        pd.DataFrame([_rule_row(rule, studies, explanations[rule]) for rule in BIAS_RULES]),
        hide_index=True,
    )
    several = len(seeds) > 1
    images = inference.images(dataset, "test")
    st.caption(
        f"{capitalised(images.description)}; seed{'s' * several} {', '.join(map(str, seeds))}"
        f"{': means ± 95 % interval over seeds (Student’s t)' if several else ''}. The figures "
        "above are of test images, too: do not choose a bias by them."
    )


def explain_rules(names: str, count: int, share: float, counted: bool) -> Mapping[BiasRule, str]:
    """Return how each rule chooses the bias.

    Args:
        names: of the classes that the student was not trained on.
        count: their number.
        share: of the predictions that they should get.
        counted: whether the share was counted in the training labels.
    """
    gets, its = ("gets", "its") if count == 1 else ("get", "their")
    source = f"{its} share of the training labels" if counted else "as if all classes were equal"
    return {
        "none": "b = 0",
        "label-free": f"{names} {gets} {percent(share)} of the answers on validation, {source}; no "
        "label used",
        "validation": "fewest errors on validation, with labels",
        "test": "fewest errors on test, as in Hinton 2015: not a fair measurement, since the same "
        "images choose and judge",
    }


def _rule_row(rule: BiasRule, studies: Sequence[BiasStudy], explanation: str) -> dict[str, str]:
    scores = [study.evaluate(study.biases[rule]) for study in studies]
    return {
        "Rule": RULE_TITLES[rule],
        "b": _mean(interval([seed.bias for seed in scores]), 2),
        "Test errors": _mean(interval([float(seed.errors) for seed in scores]), 0),
        "Errors": with_interval(interval([seed.errors / seed.size for seed in scores])),
        "Never seen, right": with_interval(interval([seed.raised_recall for seed in scores]), 1),
        "How b is chosen": explanation,
    }


def _mean(value: Interval | None, digits: int) -> str:
    """Return a mean with its interval, if it has one."""
    assert value is not None
    mean = f"{value.mean:,.{digits}f}".replace("-", "−")
    return mean if value.half is None else f"{mean} ± {value.half:,.{digits}f}"

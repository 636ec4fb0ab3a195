"""Several teachers: the form of further teachers, and trained nets beside their ensemble."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import Any, Literal

import pandas as pd
import streamlit as st

from tsexplorer.analysis.formatting import format_count, percent
from tsexplorer.analysis.prediction import EnsembleScores, score_ensemble
from tsexplorer.analysis.seed_statistics import gap_closed
from tsexplorer.data.base import ImageTask
from tsexplorer.data.registry import get_dataset
from tsexplorer.models import count, describe, get_preset, model_names
from tsexplorer.objectives import get_objective
from tsexplorer.services import ExperimentSnapshot, Service, StageSnapshot
from tsexplorer.specs import Combine, ExperimentSpec, FurtherTeacher, ModelSpec, Role
from tsexplorer.ui.app_state import show_errors

# Session keys. OPEN: whether the form is open. FILLED_OFFSETS: the nets that were filled in, and
# their seed offsets.
OPEN, NUMBER, COMBINE, FIRST_WEIGHT = "more.open", "more.count", "more.combine", "more.first"
FILLED_OFFSETS = "more.offsets"

MAX_FURTHER = 7
LIKE_FIRST = "like the first"
OWN = "own"
"""Option of a net that is not a preset; the net itself is in the session."""
OFFSET_STEP = 1000
"""Between seed offsets of equal nets, so that experiments of few seeds share none."""
COMBINE_TITLES = {"logits": "Logits", "probabilities": "Probabilities"}
SPLITS: tuple[Literal["validation", "test"], ...] = ("validation", "test")


# -- the form ---------------------------------------------------------------------------------


def fill_further_teachers(spec: ExperimentSpec) -> None:
    """Put an experiment's further teachers into the session."""
    state = st.session_state
    models = [teacher.model for teacher in spec.all_teachers]
    state[FILLED_OFFSETS] = (models, [teacher.seed_offset for teacher in spec.all_teachers])
    state[NUMBER] = len(spec.more_teachers)
    state[COMBINE], state[FIRST_WEIGHT] = spec.combine, spec.teacher_weight
    for index, teacher in enumerate(spec.more_teachers):
        state[_key(index, "weight")] = teacher.weight
        state[_key(index, "net")] = teacher.model.name
        if teacher.model == spec.teacher:
            state[_key(index, "net")] = LIKE_FIRST
        elif teacher.model.net is not None:
            state[_key(index, "net")], state[_key(index, OWN)] = OWN, teacher.model


def further_teachers_form(
    dataset: str, first: ModelSpec, objective_key: str = "objective"
) -> dict[str, Any]:
    """Draw the controls of further teachers; return the experiment's fields.

    Args:
        dataset: whose number of classes the nets have.
        first: net of the first teacher.
        objective_key: session key of the objective's name.
    """
    state = st.session_state
    required = get_objective(state.get(objective_key, "hinton")).required_combine
    if required is not None:
        state[COMBINE] = required
    # The title never changes: Streamlit would take an expander with another title for a new one.
    expander = st.expander(
        "Further teachers", icon=":material/groups:", key=OPEN, on_change="rerun"
    )
    if expander.open:
        with expander:
            _controls(dataset, first, required)
    further = _further_teachers(first)
    if not further:
        return {}
    if not expander.open:
        task = get_dataset(dataset).info.task
        nets = ", ".join(describe(teacher.model, task) for teacher in further)
        st.caption(
            f"An ensemble of {len(further) + 1} teachers, averaged by {state[COMBINE]}: {nets}"
        )
    return {
        "more_teachers": further,
        "teacher_weight": float(state[FIRST_WEIGHT]),
        "combine": state[COMBINE],
    }


def seed_offsets(models: list[ModelSpec]) -> list[int]:
    """Return seed offsets that differ between equal nets.

    >>> seed_offsets([ModelSpec(name=name) for name in ("wu-cnn", "lenet-5", "wu-cnn")])
    [0, 0, 1000]
    """
    return [OFFSET_STEP * models[:index].count(model) for index, model in enumerate(models)]


def _controls(dataset: str, first: ModelSpec, required: Combine | None) -> None:
    """Draw the controls; ``required`` is what the objective averages, None if both are allowed."""
    state = st.session_state
    st.caption(
        "The student learns from the mean of several teachers. Each is trained as a net of its "
        "own; equal nets get different seeds."
    )
    left, right = st.columns(2)
    number = left.number_input(
        "Further teachers", 0, MAX_FURTHER, key=NUMBER, persist_state="session"
    )
    if not number:
        return
    right.selectbox(
        "Averaged by",
        list(COMBINE_TITLES) if required is None else [required],
        key=COMBINE,
        format_func=COMBINE_TITLES.__getitem__,
        persist_state="session",
        help=ExperimentSpec.model_fields["combine"].description,
    )
    st.number_input("Weight of teacher 1", step=0.1, key=FIRST_WEIGHT, persist_state="session")
    for index in range(int(number)):
        state.setdefault(_key(index, "net"), LIKE_FIRST)
        state.setdefault(_key(index, "weight"), 1.0)
        left, right = st.columns([3, 2])
        left.selectbox(
            f"Teacher {index + 2}",
            _net_options(index),
            key=_key(index, "net"),
            format_func=partial(_net_title, index),
            persist_state="session",
        )
        right.number_input(
            f"Weight of teacher {index + 2}",
            step=0.1,
            key=_key(index, "weight"),
            persist_state="session",
        )
    with show_errors():
        st.caption(_costs(dataset, first))


def _net_options(index: int) -> list[str]:
    own = [OWN] if _key(index, OWN) in st.session_state else []
    return [LIKE_FIRST, *own, *model_names()]


def _net_title(index: int, name: str) -> str:
    if name == LIKE_FIRST:
        return "Like the first"
    if name == OWN:
        return describe(st.session_state[_key(index, OWN)])
    return get_preset(name).title


def _further_teachers(first: ModelSpec) -> tuple[FurtherTeacher, ...]:
    """Return the further teachers of the session; filled-in seed offsets hold for their nets."""
    state = st.session_state
    indices = range(int(state[NUMBER]))
    models = [first, *(_model(index, first) for index in indices)]
    filled_models, offsets = state.get(FILLED_OFFSETS, ([], []))
    if models != filled_models:
        offsets = seed_offsets(models)
    return tuple(
        FurtherTeacher(
            model=models[index + 1],
            seed_offset=offset,
            weight=float(state.get(_key(index, "weight"), 1.0)),
        )
        for index, offset in zip(indices, offsets[1:], strict=True)
    )


def _model(index: int, first: ModelSpec) -> ModelSpec:
    name = st.session_state.get(_key(index, "net"), LIKE_FIRST)
    if name == LIKE_FIRST:
        return first
    if name == OWN:
        model: ModelSpec = st.session_state[_key(index, OWN)]
        return model
    return ModelSpec(name=name)


def _costs(dataset: str, first: ModelSpec) -> str:
    """Return a line with the size of each further teacher, and one with the total."""
    task = get_dataset(dataset).info.task
    further = [teacher.model for teacher in _further_teachers(first)]
    sizes = [count(model, task) for model in (first, *further)]
    lines = [
        f"Teacher {number}: {describe(model, task)}, {size.parameters:,} parameters, "
        f"{format_count(size.macs)} MACs"
        for number, (model, size) in enumerate(zip(further, sizes[1:], strict=True), start=2)
    ]
    parameters = sum(size.parameters for size in sizes)
    macs = sum(size.macs for size in sizes)
    total = (
        f"All {len(sizes)} teachers: {parameters:,} parameters, {format_count(macs)} MACs per image"
    )
    return "  \n".join([*lines, total])


def _key(index: int, field: str) -> str:
    """Session key of a field of further teacher ``index``, from 0."""
    return f"more.{index}.{field}"


# -- trained nets and their ensemble ----------------------------------------------------------


@dataclass(frozen=True)
class _NetGroup:
    """Nets that are shown beside their ensemble.

    Attributes:
        key: prefix of the widgets' keys.
        singular: what one net is called, capitalised.
        plural: what the nets are called.
        roles: of the nets in the experiment.
        weights: of the nets in the ensemble.
        combine: what the ensemble averages.
    """

    key: str
    singular: str
    plural: str
    roles: tuple[Role, ...]
    weights: tuple[float, ...]
    combine: Combine


def ensemble_view(service: Service, experiment: ExperimentSnapshot) -> None:
    """Draw the teachers, and the generations of students, beside their ensembles.

    Draws nothing for an experiment with one teacher and one student.

    Raises:
        UserError: a net's weights or the images are missing.
    """
    spec = experiment.spec
    weights = tuple(teacher.weight for teacher in spec.all_teachers)
    teachers = _NetGroup(
        "ensemble", "Teacher", "teachers", ("teacher", "member"), weights, spec.combine
    )
    _draw_group(service, experiment, teachers)
    number = len(_nets_of_seed(experiment, spec.seeds[0], ("generation", "distilled")))
    generations = _NetGroup(
        "generations",
        "Generation",
        "generations",
        ("generation", "distilled"),
        (1.0,) * number,
        "probabilities",
    )
    _draw_group(service, experiment, generations)


def _draw_group(service: Service, experiment: ExperimentSnapshot, group: _NetGroup) -> None:
    spec = experiment.spec
    seeds = [seed for seed in spec.seeds if len(_nets_of_seed(experiment, seed, group.roles)) > 1]
    if not seeds:
        return
    st.subheader(f"The {group.plural} and their ensemble", anchor=False)
    left, right = st.columns(2)
    split = left.segmented_control(
        "Split",
        SPLITS,
        default="validation",
        format_func=str.capitalize,
        key=f"{group.key}_split",
        required=True,
    )
    seed = seeds[0]
    if len(seeds) > 1:
        seed = right.segmented_control(
            "Seed", seeds, default=seeds[0], key=f"{group.key}_seed", required=True
        )
    stages = _nets_of_seed(experiment, seed, group.roles)
    answers = [service.inference.answers(stage, split) for stage in stages]
    logits = [answer.logits_NC for answer in answers]
    results = score_ensemble(logits, answers[0].labels_N, group.weights, group.combine)
    info = get_dataset(spec.data.name).info
    table = _accuracy_table(service, group, stages, results, info.task)
    st.dataframe(table, hide_index=True)
    st.markdown(
        f"**Agreement**: share of the images to which two {group.plural} give the same answer"
    )
    names = [f"{group.singular} {number}" for number in range(1, len(stages) + 1)]
    st.dataframe(_agreement_table(results, names))
    gap = _gap_sentence(experiment, seed, split, results) if group.key == "ensemble" else ""
    st.caption(
        f"{split.capitalize()} split of {info.title}, {results.size:,} images, seed {seed}; the "
        f"ensemble is the mean of the {group.plural}’ {group.combine}. {gap}"
    )


def _nets_of_seed(
    experiment: ExperimentSnapshot, seed: int, roles: tuple[Role, ...]
) -> list[StageSnapshot]:
    """Return a seed's nets of some roles, in the order of their training."""
    return [link.stage for link in experiment.stages if link.seed == seed and link.role in roles]


def _accuracy_table(
    service: Service,
    group: _NetGroup,
    stages: list[StageSnapshot],
    results: EnsembleScores,
    task: ImageTask,
) -> pd.DataFrame:
    """Return a row for each net, and one for the ensemble with the sums of their sizes."""
    models = [stage.spec.model for stage in stages]
    sizes = [service.count(model, task) for model in models]
    parameters, macs = [size.parameters for size in sizes], [size.macs for size in sizes]
    names = [f"{group.singular} {number}" for number in range(1, len(stages) + 1)]
    return pd.DataFrame(
        {
            group.singular: [*names, "Ensemble"],
            "Net": [*map(describe, models), "all nets"],
            "Seed": [*(str(stage.spec.seed) for stage in stages), ""],
            "Weight": [*(f"{weight:g}" for weight in group.weights), ""],
            "Accuracy": [*map(percent, results.accuracies_K.tolist()), percent(results.accuracy)],
            "Parameters": [f"{value:,}" for value in (*parameters, sum(parameters))],
            "MACs": [format_count(value) for value in (*macs, sum(macs))],
        }
    )


def _agreement_table(results: EnsembleScores, names: list[str]) -> pd.DataFrame:
    rows = [[percent(share) for share in row] for row in results.agreement_KK.tolist()]
    return pd.DataFrame(rows, index=names, columns=names)


def _gap_sentence(
    experiment: ExperimentSnapshot, seed: int, split: str, results: EnsembleScores
) -> str:
    """Return a sentence with the gap closed against the ensemble; empty without accuracies."""
    students = (experiment.stage(seed, "baseline"), experiment.stage(seed, "distilled"))
    baseline, distilled = (getattr(stage, f"{split}_accuracy") for stage in students)
    if baseline is None or distilled is None:
        return ""
    gap = gap_closed(results.accuracy, baseline, distilled)
    return f"Gap closed against the ensemble: {percent(gap, 0)} (one seed, so no interval)."

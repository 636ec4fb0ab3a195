"""The form's further teachers: how many, which nets, what each counts, how they are averaged.

Several nets beside what they are worth together: the teachers of an ensemble, generations.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import Any, Literal

import pandas as pd
import streamlit as st

from tsexplorer.analysis.ensemble import Ensemble, ensemble
from tsexplorer.analysis.formatting import counted, percent
from tsexplorer.analysis.seed_statistics import gap_closed
from tsexplorer.data.registry import get_dataset
from tsexplorer.models import count, describe, get_preset, model_names
from tsexplorer.objectives import get_objective
from tsexplorer.services import ExperimentSnapshot, Service, StageSnapshot
from tsexplorer.specs import Combine, ExperimentSpec, FurtherTeacher, ModelSpec, Role
from tsexplorer.ui.app_state import sentences

MOST = 7
OPEN, COUNT, COMBINE, FIRST = "more.open", "more.count", "more.combine", "more.first"
OFFSETS = "more.offsets"
"""Nets as they were filled in, and how far their seeds are apart."""
LIKE_FIRST = "like the first"
OWN = "own"
APART = 1000
"""Between seed offsets of the same net, so that experiments of few seeds share none."""
WORDS = {"logits": "Logits", "probabilities": "Probabilities"}


def fill(spec: ExperimentSpec) -> None:
    """Put an experiment's further teachers into the session."""
    state = st.session_state
    further = spec.more_teachers
    models = [one.model for one in spec.members]
    state[OFFSETS] = (models, [one.seed_offset for one in spec.members])
    state[COUNT], state[COMBINE], state[FIRST] = len(further), spec.combine, spec.teacher_weight
    for place, one in enumerate(further):
        state[_key(place, "weight")] = one.weight
        state[_key(place, "net")] = one.model.name
        if one.model == spec.teacher:
            state[_key(place, "net")] = LIKE_FIRST
        elif one.model.net is not None:
            state[_key(place, "net")], state[_key(place, OWN)] = OWN, one.model


def form(dataset: str, first: ModelSpec, asked: str = "objective") -> dict[str, Any]:
    """Further teachers as the fields of an experiment.

    Args:
        dataset: whose classes the nets tell apart.
        first: the first teacher's net.
        asked: where in the session the objective's name stands.
    """
    state = st.session_state
    demanded = get_objective(state.get(asked, "hinton")).combine
    if demanded is not None:
        state[COMBINE] = demanded
    # The title stays as it is: an expander with another one is drawn anew, and closed.
    part = st.expander("Further teachers", icon=":material/groups:", key=OPEN, on_change="rerun")
    if part.open:
        with part:
            _controls(dataset, first, demanded)
    further = _further(first)
    if not further:
        return {}
    if not part.open:
        nets = ", ".join(describe(one.model) for one in further)
        st.caption(
            f"An ensemble of {len(further) + 1} teachers, averaged by {state[COMBINE]}: {nets}"
        )
    return {
        "more_teachers": further,
        "teacher_weight": float(state[FIRST]),
        "combine": state[COMBINE],
    }


def apart(models: list[ModelSpec]) -> list[int]:
    """Seed offsets that keep the same net apart from itself.

    >>> apart([ModelSpec(name="wu-cnn"), ModelSpec(name="lenet-5"), ModelSpec(name="wu-cnn")])
    [0, 0, 1000]
    """
    return [APART * models[:place].count(one) for place, one in enumerate(models)]


def _controls(dataset: str, first: ModelSpec, demanded: Combine | None) -> None:
    """Draw them; ``demanded`` is how the objective wants teachers averaged, None: either way."""
    state = st.session_state
    st.caption(
        "The student then learns from the mean of several teachers. Each is a net of its own to be "
        "trained; the same net may be there again, with another seed."
    )
    left, right = st.columns(2)
    asked = left.number_input("Further teachers", 0, MOST, key=COUNT, persist_state="session")
    if not asked:
        return
    right.selectbox(
        "Averaged by",
        list(WORDS) if demanded is None else [demanded],
        key=COMBINE,
        format_func=WORDS.__getitem__,
        persist_state="session",
        help=ExperimentSpec.model_fields["combine"].description,
    )
    st.number_input("Weight of teacher 1", step=0.1, key=FIRST, persist_state="session")
    for place in range(int(asked)):
        state.setdefault(_key(place, "net"), LIKE_FIRST)
        state.setdefault(_key(place, "weight"), 1.0)
        left, right = st.columns([3, 2])
        left.selectbox(
            f"Teacher {place + 2}",
            _nets(place),
            key=_key(place, "net"),
            format_func=partial(_title, place),
            persist_state="session",
        )
        right.number_input(
            f"Weight of teacher {place + 2}",
            step=0.1,
            key=_key(place, "weight"),
            persist_state="session",
        )
    with sentences():
        st.caption(_costs(dataset, first))


def _nets(place: int) -> list[str]:
    own = [OWN] if _key(place, OWN) in st.session_state else []
    return [LIKE_FIRST, *own, *model_names()]


def _title(place: int, name: str) -> str:
    if name == LIKE_FIRST:
        return "Like the first"
    if name == OWN:
        return describe(st.session_state[_key(place, OWN)])
    return get_preset(name).title


def _further(first: ModelSpec) -> tuple[FurtherTeacher, ...]:
    state = st.session_state
    places = range(int(state[COUNT]))
    models = [first, *(_model(place, first) for place in places)]
    filled, offsets = state.get(OFFSETS, ([], []))
    if models != filled:
        offsets = apart(models)
    return tuple(
        FurtherTeacher(
            model=models[place + 1],
            seed_offset=offset,
            weight=float(state.get(_key(place, "weight"), 1.0)),
        )
        for place, offset in zip(places, offsets[1:], strict=True)
    )


def _model(place: int, first: ModelSpec) -> ModelSpec:
    name = st.session_state.get(_key(place, "net"), LIKE_FIRST)
    if name == LIKE_FIRST:
        return first
    if name == OWN:
        own: ModelSpec = st.session_state[_key(place, OWN)]
        return own
    return ModelSpec(name=name)


def _costs(dataset: str, first: ModelSpec) -> str:
    """What each further teacher weighs, and all together with the first."""
    classes = len(get_dataset(dataset).info.classes)
    further = [one.model for one in _further(first)]
    counts = [count(model, classes) for model in (first, *further)]
    lines = [
        f"Teacher {place + 2}: {describe(model)}, {one.parameters:,} parameters, "
        f"{counted(one.macs)} MACs"
        for place, (model, one) in enumerate(zip(further, counts[1:], strict=True))
    ]
    total = sum(one.parameters for one in counts)
    macs = sum(one.macs for one in counts)
    together = f"All {len(counts)} teachers: {total:,} parameters, {counted(macs)} MACs an image"
    return "  \n".join([*lines, together])


def _key(place: int, what: str) -> str:
    return f"more.{place}.{what}"


SPLITS: tuple[Literal["validation", "test"], ...] = ("validation", "test")


@dataclass(frozen=True)
class _Group:
    """Nets that are shown together.

    Attributes:
        key: for widgets.
        one: what one of them is called.
        many: all of them.
        roles: that they have in the experiment.
        weights: what each counts.
        combine: what of them is averaged.
    """

    key: str
    one: str
    many: str
    roles: tuple[Role, ...]
    weights: tuple[float, ...]
    combine: Combine


def ensemble_view(service: Service, experiment: ExperimentSnapshot) -> None:
    """Members of a trained ensemble, or generations, beside what they say together.

    Nothing where there is one teacher and one student.

    Raises:
        UserError: a net's weights or the images are not here.
    """
    spec = experiment.spec
    weights = tuple(one.weight for one in spec.members)
    teachers = _Group(
        "ensemble", "Teacher", "teachers", ("teacher", "member"), weights, spec.combine
    )
    _group(service, experiment, teachers)
    number = len(_member_nets(experiment, spec.seeds[0], ("generation", "distilled")))
    generations = _Group(
        "generations",
        "Generation",
        "generations",
        ("generation", "distilled"),
        (1.0,) * number,
        "probabilities",
    )
    _group(service, experiment, generations)


def _group(service: Service, experiment: ExperimentSnapshot, group: _Group) -> None:
    spec = experiment.spec
    seeds = [seed for seed in spec.seeds if len(_member_nets(experiment, seed, group.roles)) > 1]
    if not seeds:
        return
    st.subheader(f"The {group.many}, one by one and together", anchor=False)
    left, right = st.columns(2)
    split = left.segmented_control(
        "Split", SPLITS, default="validation", key=f"{group.key}_split", required=True
    )
    seed = seeds[0]
    if len(seeds) > 1:
        seed = right.segmented_control(
            "Seed", seeds, default=seeds[0], key=f"{group.key}_seed", required=True
        )
    stages = _member_nets(experiment, seed, group.roles)
    answers = [service.reading.answers(stage, split) for stage in stages]
    found = ensemble(
        [one.logits_NC for one in answers], answers[0].labels_N, group.weights, group.combine
    )
    classes = len(get_dataset(spec.data.name).info.classes)
    names = [f"{group.one} {place + 1}" for place in range(len(stages))]
    st.dataframe(_table(service, group, stages, found, classes), hide_index=True)
    st.markdown(
        f"**Agreement**: share of the images to which two {group.many} give the same answer"
    )
    st.dataframe(_agreement(found, names))
    gap = _gap(experiment, seed, split, found.accuracy) if group.key == "ensemble" else ""
    st.caption(
        f"{split.capitalize()} split of {get_dataset(spec.data.name).info.title}, "
        f"{found.size:,} images, seed {seed}; the ensemble is the mean of the {group.many}’ "
        f"{group.combine}. {gap}"
    )


def _member_nets(
    experiment: ExperimentSnapshot, seed: int, roles: tuple[Role, ...]
) -> list[StageSnapshot]:
    """A seed's nets of some roles, in the order in which they are trained."""
    return [one.stage for one in experiment.stages if one.seed == seed and one.role in roles]


def _table(
    service: Service, group: _Group, stages: list[StageSnapshot], found: Ensemble, classes: int
) -> pd.DataFrame:
    """A row a net and one for all of them; what they cost adds up."""
    models = [stage.spec.model for stage in stages]
    counts = [service.count(model, classes) for model in models]
    together = [sum(one.parameters for one in counts), sum(one.macs for one in counts)]
    return pd.DataFrame(
        {
            group.one: [*(f"{group.one} {n + 1}" for n in range(len(stages))), "Ensemble"],
            "Net": [*map(describe, models), "all of them"],
            "Seed": [*(str(stage.spec.seed) for stage in stages), ""],
            "Weight": [*(f"{weight:g}" for weight in group.weights), ""],
            "Accuracy": [*map(percent, found.accuracies_K.tolist()), percent(found.accuracy)],
            "Parameters": [f"{n:,}" for n in (*(one.parameters for one in counts), together[0])],
            "MACs": [counted(n) for n in (*(one.macs for one in counts), together[1])],
        }
    )


def _agreement(found: Ensemble, names: list[str]) -> pd.DataFrame:
    rows = [[percent(share) for share in row] for row in found.agreement_KK.tolist()]
    return pd.DataFrame(rows, index=names, columns=names)


def _gap(experiment: ExperimentSnapshot, seed: int, split: str, together: float) -> str:
    """Gap closed against the ensemble, where it can be said."""
    students = (experiment.stage(seed, "baseline"), experiment.stage(seed, "distilled"))
    baseline, distilled = (getattr(stage, f"{split}_accuracy") for stage in students)
    if baseline is None or distilled is None:
        return ""
    gap = gap_closed(together, baseline, distilled)
    return f"Gap closed against the ensemble: {percent(gap, 0)} (one seed, so no interval)."

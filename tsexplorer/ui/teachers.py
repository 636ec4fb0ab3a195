"""The form's further teachers: how many, which nets, what each counts, how they are averaged."""

from __future__ import annotations

from functools import partial
from typing import Any

import streamlit as st

from tsexplorer.analysis.words import counted
from tsexplorer.data.registry import get_dataset
from tsexplorer.models import count, describe, get_preset, model_names
from tsexplorer.objectives import get_objective
from tsexplorer.specs import Combine, ExperimentSpec, FurtherTeacher, ModelSpec
from tsexplorer.ui.process import sentences

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

"""Several nets beside what they are worth together: the teachers of an ensemble, generations."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import pandas as pd
import streamlit as st

from tsexplorer.analysis.ensemble import Ensemble, ensemble
from tsexplorer.analysis.gain import gap_closed
from tsexplorer.analysis.words import counted, percent
from tsexplorer.data.registry import get_dataset
from tsexplorer.models import describe
from tsexplorer.service import Service
from tsexplorer.specs import Combine, Role
from tsexplorer.store import ExperimentSnapshot, StageSnapshot

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
    number = len(_nets(experiment, spec.seeds[0], ("generation", "distilled")))
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
    seeds = [seed for seed in spec.seeds if len(_nets(experiment, seed, group.roles)) > 1]
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
    stages = _nets(experiment, seed, group.roles)
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


def _nets(
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

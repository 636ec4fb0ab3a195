"""An ensemble of teachers: its members, how far they agree, and what they are worth together."""

from __future__ import annotations

from typing import Literal

import pandas as pd
import streamlit as st

from tsexplorer.analysis.ensemble import Ensemble, ensemble
from tsexplorer.analysis.gain import gap_closed
from tsexplorer.data.registry import get_dataset
from tsexplorer.models import describe
from tsexplorer.service import Service
from tsexplorer.specs import ExperimentSpec
from tsexplorer.store import ExperimentSnapshot, StageSnapshot
from tsexplorer.ui.theme import counted, percent

SPLITS: tuple[Literal["validation", "test"], ...] = ("validation", "test")


def ensemble_view(service: Service, experiment: ExperimentSnapshot) -> None:
    """Members of a trained experiment beside their ensemble; nothing where there is one teacher.

    Raises:
        UserError: a teacher's weights or the images are not here.
    """
    spec = experiment.spec
    seeds = [seed for seed in spec.seeds if len(_teachers(experiment, seed)) > 1]
    if not seeds:
        return
    st.subheader("The teachers, one by one and together", anchor=False)
    left, right = st.columns(2)
    split = left.segmented_control(
        "Split", SPLITS, default="validation", key="ensemble_split", required=True
    )
    seed = seeds[0]
    if len(seeds) > 1:
        seed = right.segmented_control(
            "Seed", seeds, default=seeds[0], key="ensemble_seed", required=True
        )
    stages = _teachers(experiment, seed)
    answers = [service.reading.answers(stage, split) for stage in stages]
    weights = [one.weight for one in spec.members]
    found = ensemble([one.logits_NC for one in answers], answers[0].labels_N, weights, spec.combine)
    st.dataframe(_table(service, spec, stages, found), hide_index=True)
    st.markdown("**Agreement**: share of the images to which two teachers give the same answer")
    st.dataframe(_agreement(found))
    st.caption(
        f"{split.capitalize()} split of {get_dataset(spec.data.name).info.title}, "
        f"{found.size:,} images, seed {seed}; the ensemble is the mean of the teachers’ "
        f"{spec.combine}. {_gap(experiment, seed, split, found.accuracy)}"
    )


def _teachers(experiment: ExperimentSnapshot, seed: int) -> list[StageSnapshot]:
    """The first teacher, then the members."""
    roles = ("teacher", "member")
    return [one.stage for one in experiment.stages if one.seed == seed and one.role in roles]


def _table(
    service: Service, spec: ExperimentSpec, stages: list[StageSnapshot], found: Ensemble
) -> pd.DataFrame:
    """A row a teacher and one for all of them; what they cost adds up."""
    classes = len(get_dataset(spec.data.name).info.classes)
    counts = [service.count(one.model, classes) for one in spec.members]
    together = [sum(one.parameters for one in counts), sum(one.macs for one in counts)]
    return pd.DataFrame(
        {
            "Teacher": [*_names(len(stages)), "Ensemble"],
            "Net": [*(describe(one.model) for one in spec.members), "all of them"],
            "Seed": [*(str(stage.spec.seed) for stage in stages), ""],
            "Weight": [*(f"{one.weight:g}" for one in spec.members), ""],
            "Accuracy": [*map(percent, found.accuracies_K.tolist()), percent(found.accuracy)],
            "Parameters": [f"{n:,}" for n in (*(one.parameters for one in counts), together[0])],
            "MACs": [counted(n) for n in (*(one.macs for one in counts), together[1])],
        }
    )


def _agreement(found: Ensemble) -> pd.DataFrame:
    names = _names(len(found.accuracies_K))
    rows = [[percent(share) for share in row] for row in found.agreement_KK.tolist()]
    return pd.DataFrame(rows, index=names, columns=names)


def _names(count: int) -> list[str]:
    return [f"Teacher {place + 1}" for place in range(count)]


def _gap(experiment: ExperimentSnapshot, seed: int, split: str, together: float) -> str:
    """Gap closed against the ensemble, where it can be said."""
    students = (experiment.stage(seed, "baseline"), experiment.stage(seed, "distilled"))
    baseline, distilled = (getattr(stage, f"{split}_accuracy") for stage in students)
    if baseline is None or distilled is None:
        return ""
    gap = gap_closed(together, baseline, distilled)
    return f"Gap closed against the ensemble: {percent(gap, 0)} (one seed, so no interval)."

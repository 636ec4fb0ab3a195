"""What each rule comes to, over all seeds, as a table."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd
import streamlit as st

from tsexplorer.analysis.bias import RULES, Rule, Study
from tsexplorer.analysis.gain import Interval, interval
from tsexplorer.analysis.words import begun, with_interval
from tsexplorer.plots.never_seen import RULE_TITLES
from tsexplorer.service import Service
from tsexplorer.store import ExperimentSnapshot
from tsexplorer.ui.never_seen.choice import ready_seeds
from tsexplorer.ui.never_seen.words import how, percent


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

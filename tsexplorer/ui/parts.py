"""What an experiment trains besides its three nets, on the live view."""

from __future__ import annotations

import streamlit as st

from tsexplorer.analysis.words import duration, percent, plural
from tsexplorer.objectives import get_objective
from tsexplorer.service import Watch
from tsexplorer.specs import ROLES
from tsexplorer.store import StageLink, StageSnapshot


def further_parts(watch: Watch, seed: int) -> None:
    """A line for each further stage of a seed: hints with their loss, nets with their accuracy."""
    links = [one for one in watch.experiment.stages if one.seed == seed and one.role not in ROLES]
    if not links:
        return
    with st.container(gap="xsmall"):
        for link in links:
            st.caption(_hints(watch, link) if link.role == "hint" else _net(watch, link))
    for link in links:
        if link.role == "hint":
            _hint_curve(watch, link)


def _hints(watch: Watch, link: StageLink) -> str:
    rows = watch.epochs.get(link.stage.hash, ())
    loss = f", loss {rows[-1].train_loss:.4g}" if rows else ""
    objective = get_objective(link.stage.spec.objective.name)
    return (
        f"**First part of the distilled student’s training, {watch.experiment.part(link)}**: "
        f"{standing(link.stage, len(rows))}{loss} ({objective.convention}). Its layers after the "
        "guided one are still as they began, so that it has no accuracy yet."
    )


def _net(watch: Watch, link: StageLink) -> str:
    stage, rows = link.stage, watch.epochs.get(link.stage.hash, ())
    if stage.status == "done":
        figure = f"{percent(stage.test_accuracy)} test accuracy, "
    elif rows:
        figure = f"{percent(rows[-1].validation_accuracy)} validation accuracy so far, "
    else:
        figure = ""
    name = watch.experiment.part(link)
    return f"**{name[0].upper()}{name[1:]}**: {figure}{standing(link.stage, len(rows))}"


def standing(stage: StageSnapshot, epochs: int) -> str:
    """How far a training is, as in "epoch 3 of 20 done".

    Args:
        stage: of which net.
        epochs: finished ones that are known.
    """
    words = {
        "new": "waiting",
        "running": f"epoch {epochs} of {stage.spec.train.epochs} done",
        "done": f"{plural(stage.epochs_done or epochs, 'epoch')} in "
        f"{duration(stage.train_seconds)}",
    }
    return words.get(stage.status, stage.status)


def _hint_curve(watch: Watch, link: StageLink) -> None:
    rows = watch.epochs.get(link.stage.hash, ())
    if len(rows) < 2:
        return
    with st.expander("Loss of the hints by epoch", icon=":material/show_chart:"):
        losses = {"Epoch": [row.epoch for row in rows], "Loss": [row.train_loss for row in rows]}
        st.line_chart(losses, x="Epoch", y="Loss", height=220)

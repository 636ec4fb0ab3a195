"""An experiment as it stands, redrawn in place while its job runs.

One flat fragment with a timer draws everything that moves. The timer exists only while the job is
active; when the job ends, the fragment asks for one rerun of the whole page, which draws it again
without a timer.

What an experiment trains besides its three nets, on the live view.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import streamlit as st

from tsexplorer.analysis.formatting import duration, percent, plural, with_interval
from tsexplorer.analysis.seed_statistics import Interval
from tsexplorer.data.class_subsets import class_names
from tsexplorer.data.registry import get_dataset
from tsexplorer.objectives import Objective, get_objective, loss_in_words, teachers_of, validated
from tsexplorer.plots.live import (
    AXES,
    Member,
    Metric,
    curves,
    live_option,
    members,
    start_hidden,
)
from tsexplorer.plots.loss_terms import terms, terms_option
from tsexplorer.services import (
    ACTIVE,
    EpochRow,
    ExperimentSnapshot,
    Service,
    StageLink,
    StageSnapshot,
    Watch,
)
from tsexplorer.specs import ROLES, Role
from tsexplorer.ui.app_state import sentences
from tsexplorer.ui.study.job_bar import BarText, job_bar
from tsexplorer.ui.theme import ROLE_MEANING, card, palette, role_label

EVERY_SECONDS = 0.5
CHARTS: dict[str, dict[str, Metric]] = {
    "Accuracy": {"Validation": "validation_accuracy", "Training": "train_accuracy"},
    "Loss": {"Validation": "validation_loss", "Training": "train_loss"},
}
TERMS = "terms_open"
"""Whether the chart of the loss's terms is unfolded."""


def live_view(service: Service, key: str) -> None:
    """Draw an experiment; keep it in step while its job is active."""
    watch = service.watch(key)
    active = watch.job is not None and watch.job.status in ACTIVE
    drawn = st.fragment(_draw, run_every=EVERY_SECONDS if active else None)
    drawn(service, key, active)


def _draw(service: Service, key: str, was_active: bool) -> None:
    with sentences():
        watch = service.watch(key)
        active = watch.job is not None and watch.job.status in ACTIVE
        if was_active and not active:
            st.rerun()
        if watch.job is not None:
            job_bar(
                service,
                watch.job,
                watch.progress,
                watch.jobs_before,
                _bar_text(watch),
                notices=lambda notice: st.info(notice, icon=":material/info:"),
            )
        seed = _seed(watch)
        _stage_cards(watch, seed)
        further_parts(watch, seed)
        _charts(watch, seed)
        _terms(watch, seed)


def _bar_text(watch: Watch) -> BarText:
    progress, running = watch.progress, watch.progress.progress
    stages = max(progress.stages, 1)
    share = (progress.stages_done + (running.fraction if running else 0)) / stages
    parts = [_under_way(watch, progress.stages_done)]
    if running is not None:
        parts.append(f"epoch {max(running.epoch, 1)} of {running.epochs}")
        if running.doing != "training":
            parts.append(running.doing)
        if running.loss is not None:
            parts.append(f"loss {running.loss:.4f}")
    return BarText(share, parts, "for this net")


def _under_way(watch: Watch, done: int) -> str:
    """The net that is being trained, in words."""
    links = watch.experiment.stages
    link = links[min(done, len(links) - 1)]
    seed = f", seed {link.seed}" if len(watch.experiment.spec.seeds) > 1 else ""
    place = f"{min(done + 1, len(links))} of {len(links)}"
    one = watch.experiment.counted.removesuffix("s")
    return f"{watch.experiment.part(link)}{seed} ({one} {place})"


def _seed(watch: Watch) -> int:
    """The seed to show: chosen where there are several, else the only one."""
    seeds = watch.experiment.spec.seeds
    if len(seeds) == 1:
        return seeds[0]
    key = "shown_seed"
    chosen = st.segmented_control("Seed", seeds, default=seeds[0], key=key)
    return seeds[0] if chosen is None else int(chosen)


def _stage_cards(watch: Watch, seed: int) -> None:
    columns = st.columns(3)
    for column, role in zip(columns, ROLES, strict=True):
        with column:
            _stage_card(watch, role, seed)


def _stage_card(watch: Watch, role: Role, seed: int) -> None:
    stage = watch.experiment.stage(seed, role)
    epochs = watch.epochs.get(stage.hash, ())
    if stage.status == "done":
        headline, caption = percent(stage.test_accuracy), "test accuracy, read once"
    elif epochs:
        headline, caption = percent(epochs[-1].validation_accuracy), "validation accuracy so far"
    else:
        headline, caption = "–", ROLE_MEANING[role]
    card(
        role_label(role),
        headline,
        f"{caption}  \n{standing(stage, len(epochs))} · seed {seed}",
    )


def _charts(watch: Watch, seed: int) -> None:
    stages = {role: watch.experiment.stage(seed, role) for role in ROLES}
    rows = {role: watch.epochs.get(stage.hash, ()) for role, stage in stages.items()}
    epochs = max(stage.spec.train.epochs for stage in stages.values())
    if not any(rows.values()):
        st.caption("The curves begin with the first finished epoch.")
        return
    spec = watch.experiment.spec.objective
    objective = get_objective(spec.name)
    beside = members(rows["distilled"], _validated(objective))
    below = ""
    for column, (kind, metrics) in zip(st.columns(2), CHARTS.items(), strict=True):
        with column:
            metric = st.segmented_control(
                kind, list(metrics), default=next(iter(metrics)), key=f"shown_{kind}", required=True
            )
            _chart(rows, metrics[metric], epochs, beside)
        if kind == "Accuracy":
            shown = beside if metrics[metric] == "validation_accuracy" else ()
            below = start_hidden([*curves(rows, metrics[metric]), *shown], epochs)
    st.caption(
        f"Seed {seed}. Validation: cross-entropy with the labels. Training: teacher and baseline "
        "minimise cross-entropy, the distilled student "
        f"{objective.convention_of(spec)}.{_said_of(beside)}{below}"
    )


def _validated(objective: Objective) -> dict[str, str]:
    """By the name of each net that the objective may train along, the term of its validation."""
    return {name: validated(name) for name in objective.members}


def _said_of(beside: Sequence[Member]) -> str:
    """What the further curves are, as a sentence to go on with."""
    if not beside:
        return ""
    names = beside[0].name if len(beside) == 1 else f"{beside[0].name} to {beside[-1].name}"
    return (
        f" {names}: trained along with the distilled student and not kept; accuracy on "
        "validation after each epoch."
    )


def _chart(
    rows: Mapping[Role, Sequence[EpochRow]], metric: Metric, epochs: int, beside: Sequence[Member]
) -> None:
    lines = curves(rows, metric)
    shown = beside if metric == "validation_accuracy" else ()
    values = {line.role: line.values for line in lines} | {one.name: one.values for one in shown}
    ends = ", ".join(f"{name} {own[-1]:g}" for name, own in values.items())
    st.echarts_chart(
        live_option(lines, metric, palette(), epochs, shown),
        key=f"live_{metric}",
        height=320,
        alt=f"{AXES[metric]} by epoch; last values: {ends}",
    )


def _terms(watch: Watch, seed: int) -> None:
    """What the distilled student's loss is made of, folded; nothing where it is of one piece."""
    objective = get_objective(watch.experiment.spec.objective.name)
    stage = watch.experiment.stage(seed, "distilled")
    apart = _validated(objective).values()  # drawn with the accuracies
    rows = watch.epochs.get(stage.hash, ())
    lines = [line for line in terms(rows) if line.name not in apart]
    if len(lines) < 2:
        return
    more = st.expander(
        "Terms of the distilled student's loss",
        icon=":material/stacked_line_chart:",
        key=TERMS,
        on_change="rerun",
    )
    if not more.open:
        return
    plain = [line.name for line in lines if line.name in objective.unitless]
    unit = "" if plain else "nats"
    option = terms_option(lines, objective.shares, unit, palette(), stage.spec.train.epochs)
    ends = ", ".join(f"{line.name} {line.values[-1]:g}" for line in lines)
    with more:
        st.echarts_chart(
            option, key="live_terms", height=300, alt=f"Terms by epoch; last values: {ends}"
        )
        units = f" {' and '.join(plain)}: plain numbers; all else in nats." if plain else ""
        st.caption(
            f"Training images, mean over each epoch, before their weights.{units} "
            f"{objective.in_words(stage.spec.objective)}."
        )


def result(service: Service, experiment: ExperimentSnapshot) -> None:
    """The headline of a finished experiment."""
    if experiment.spec.left_out:
        _words(service, experiment)
        return
    left, right = st.columns([1, 2], vertical_alignment="center")
    left.metric(
        "Gap closed (test)",
        with_interval(service.gain(experiment).gap, 0),
        help="(distilled − baseline) / (teacher − baseline), on the test split; – where the "
        "teacher is not better than the baseline. Of several teachers the first is meant, whose "
        "test accuracy was read once as the others' were, so that the number compares with that of "
        "one teacher.",
        border=True,
    )
    with right:
        _words(service, experiment)


def _words(service: Service, experiment: ExperimentSnapshot) -> None:
    """The headline in words, and what it is of."""
    spec, accuracy = experiment.spec, service.gain(experiment).accuracy
    seeds, several = len(spec.seeds), len(teachers_of(spec)) > 1
    if spec.left_out:
        names = class_names(get_dataset(spec.data.name).info, spec.left_out)
        st.markdown(
            f"The student never saw an image of **{names}**, so that its "
            f"**{with_interval(accuracy['distilled'])}** is no measure of what it knows: that "
            "shows once the bias of what it never saw is raised."
        )
    else:
        st.markdown(
            f"The student went from **{with_interval(accuracy['baseline'])}** to "
            f"**{with_interval(accuracy['distilled'])}**; its {'first ' * several}teacher has "
            f"**{with_interval(accuracy['teacher'])}**."
        )
    st.caption(
        f"Test split, {seeds} seed{'s' if seeds > 1 else ''}"
        f"{_of_interval(service.gain(experiment).accuracy['distilled'])}; "
        f"{loss_in_words(spec)}"
        f"{'; gap closed against the first' * (several and not spec.left_out)}."
    )


def _of_interval(value: Interval | None) -> str:
    """Whether there is one, to go on with."""
    if value is not None and value.half is not None:
        return " with 95 % interval"
    return " (no interval: they came out alike)" if value and value.n > 1 else " (no interval)"


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

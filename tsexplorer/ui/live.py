"""An experiment on the page Train, redrawn in place while its job runs, and its result.

One fragment draws everything that changes. It has a timer only while the job is active; when the
job ends, the fragment reruns the whole page once, which draws it without a timer.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import streamlit as st

from tsexplorer.analysis.formatting import duration, percent, plural, with_interval
from tsexplorer.analysis.seed_statistics import Interval
from tsexplorer.data.registry import get_dataset
from tsexplorer.data.subsets import format_class_names
from tsexplorer.objectives import (
    Objective,
    format_loss,
    get_objective,
    trained_teachers,
    validation_term,
)
from tsexplorer.plots.live import (
    AXES,
    MemberCurve,
    Metric,
    hidden_start_note,
    live_option,
    member_curves,
    role_curves,
)
from tsexplorer.plots.loss_terms import term_curves, terms_option
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
from tsexplorer.ui.app_state import show_errors
from tsexplorer.ui.study.job_bar import BarText, job_bar
from tsexplorer.ui.theme import ROLE_MEANING, card, palette, role_label

EVERY_SECONDS = 0.5
CHARTS: dict[str, dict[str, Metric]] = {
    "Accuracy": {"Validation": "validation_accuracy", "Training": "train_accuracy"},
    "Loss": {"Validation": "validation_loss", "Training": "train_loss"},
}
TERMS_OPEN = "terms_open"
"""Session key: whether the chart of the loss terms is open."""


def live_view(service: Service, experiment_id: str) -> None:
    """Draw an experiment, and redraw it while its job is active."""
    watch = service.watch(experiment_id)
    active = watch.job is not None and watch.job.status in ACTIVE
    fragment = st.fragment(_draw, run_every=EVERY_SECONDS if active else None)
    fragment(service, experiment_id, active)


def _draw(service: Service, experiment_id: str, was_active: bool) -> None:
    with show_errors():
        watch = service.watch(experiment_id)
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
        seed = _seed_control(watch)
        for column, role in zip(st.columns(len(ROLES)), ROLES, strict=True):
            with column:
                _stage_card(watch, role, seed)
        _further_stages(watch, seed)
        _charts(watch, seed)
        _loss_terms(watch, seed)


def _bar_text(watch: Watch) -> BarText:
    progress, running = watch.progress, watch.progress.progress
    stages = max(progress.stages, 1)
    share = (progress.stages_done + (running.fraction if running else 0)) / stages
    parts = [_current_net(watch, progress.stages_done)]
    if running is not None:
        parts.append(f"epoch {max(running.epoch, 1)} of {running.epochs}")
        if running.doing != "training":
            parts.append(running.doing)
        if running.loss is not None:
            parts.append(f"loss {running.loss:.4f}")
    return BarText(share, parts, "for this net")


def _current_net(watch: Watch, stages_done: int) -> str:
    """Return the net in training with its number, as in "teacher, seed 1 (net 4 of 6)"."""
    links = watch.experiment.stages
    number = min(stages_done + 1, len(links))
    link = links[number - 1]
    seed = f", seed {link.seed}" if len(watch.experiment.spec.seeds) > 1 else ""
    noun = watch.experiment.stage_noun.removesuffix("s")
    return f"{watch.experiment.part(link)}{seed} ({noun} {number} of {len(links)})"


def _seed_control(watch: Watch) -> int:
    """Return the seed to show; draws a control if there are several."""
    seeds = watch.experiment.spec.seeds
    if len(seeds) == 1:
        return seeds[0]
    seed = st.segmented_control("Seed", seeds, default=seeds[0], key="shown_seed")
    return seeds[0] if seed is None else int(seed)


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
        f"{caption}  \n{_stage_progress(stage, len(epochs))} · seed {seed}",
    )


def _stage_progress(stage: StageSnapshot, epochs: int) -> str:
    """Return how far a training is, as in "epoch 3 of 20 done".

    Args:
        stage: of the net.
        epochs: number of finished epochs.
    """
    texts = {
        "new": "waiting",
        "running": f"epoch {epochs} of {stage.spec.train.epochs} done",
        "done": f"{plural(stage.epochs_done or epochs, 'epoch')} in "
        f"{duration(stage.train_seconds)}",
    }
    return texts.get(stage.status, stage.status)


# -- further stages ---------------------------------------------------------------------------


def _further_stages(watch: Watch, seed: int) -> None:
    """Draw a line for each further stage of a seed: hints with their loss, nets with accuracy."""
    links = [
        link for link in watch.experiment.stages if link.seed == seed and link.role not in ROLES
    ]
    if not links:
        return
    with st.container(gap="xsmall"):
        for link in links:
            st.caption(_hint_text(watch, link) if link.role == "hint" else _net_text(watch, link))
    for link in links:
        if link.role == "hint":
            _hint_chart(watch, link)


def _hint_text(watch: Watch, link: StageLink) -> str:
    rows = watch.epochs.get(link.stage.hash, ())
    loss = f", loss {rows[-1].train_loss:.4g}" if rows else ""
    objective = get_objective(link.stage.spec.objective.name)
    return (
        f"**First part of the distilled student’s training, {watch.experiment.part(link)}**: "
        f"{_stage_progress(link.stage, len(rows))}{loss} ({objective.convention}). The layers "
        "after the guided layer are not trained yet, so the student has no accuracy."
    )


def _net_text(watch: Watch, link: StageLink) -> str:
    stage, rows = link.stage, watch.epochs.get(link.stage.hash, ())
    if stage.status == "done":
        accuracy = f"{percent(stage.test_accuracy)} test accuracy, "
    elif rows:
        accuracy = f"{percent(rows[-1].validation_accuracy)} validation accuracy so far, "
    else:
        accuracy = ""
    name = watch.experiment.part(link)
    return f"**{name[0].upper()}{name[1:]}**: {accuracy}{_stage_progress(stage, len(rows))}"


def _hint_chart(watch: Watch, link: StageLink) -> None:
    rows = watch.epochs.get(link.stage.hash, ())
    if len(rows) < 2:
        return
    with st.expander("Loss of the hints by epoch", icon=":material/show_chart:"):
        losses = {"Epoch": [row.epoch for row in rows], "Loss": [row.train_loss for row in rows]}
        st.line_chart(losses, x="Epoch", y="Loss", height=220)


# -- charts -----------------------------------------------------------------------------------


def _charts(watch: Watch, seed: int) -> None:
    """Draw accuracy and loss by epoch."""
    stages = {role: watch.experiment.stage(seed, role) for role in ROLES}
    rows = {role: watch.epochs.get(stage.hash, ()) for role, stage in stages.items()}
    epochs = max(stage.spec.train.epochs for stage in stages.values())
    if not any(rows.values()):
        st.caption("The curves begin with the first finished epoch.")
        return
    spec = watch.experiment.spec.objective
    objective = get_objective(spec.name)
    members = member_curves(rows["distilled"], _validation_terms(objective))
    start_note = ""
    for column, (title, metrics) in zip(st.columns(2), CHARTS.items(), strict=True):
        with column:
            split = st.segmented_control(
                title,
                list(metrics),
                default=next(iter(metrics)),
                key=f"shown_{title}",
                required=True,
            )
            metric = metrics[split]
            shown = members if metric == "validation_accuracy" else ()
            _chart(rows, metric, epochs, shown)
        if title == "Accuracy":
            start_note = hidden_start_note([*role_curves(rows, metric), *shown], epochs)
    st.caption(
        f"Seed {seed}. Validation: cross-entropy with the labels. Training: teacher and baseline "
        "minimise cross-entropy, the distilled student "
        f"{objective.format_grid_convention(spec)}.{_members_note(members)}{start_note}"
    )


def _validation_terms(objective: Objective) -> dict[str, str]:
    """Return the terms with the validation accuracies of nets trained along, by net."""
    return {name: validation_term(name) for name in objective.member_names}


def _members_note(members: Sequence[MemberCurve]) -> str:
    """Return a sentence on the nets trained along, to append; empty without such nets."""
    if not members:
        return ""
    names = members[0].name
    if len(members) > 1:
        names = f"{names} to {members[-1].name}"
    return (
        f" {names}: trained along with the distilled student and not kept; accuracy on "
        "validation after each epoch."
    )


def _chart(
    rows: Mapping[Role, Sequence[EpochRow]],
    metric: Metric,
    epochs: int,
    members: Sequence[MemberCurve],
) -> None:
    curves = role_curves(rows, metric)
    last_values = [f"{curve.role} {curve.values[-1]:g}" for curve in curves]
    last_values += [f"{member.name} {member.values[-1]:g}" for member in members]
    st.echarts_chart(
        live_option(curves, metric, palette(), epochs, members),
        key=f"live_{metric}",
        height=320,
        alt=f"{AXES[metric]} by epoch; last values: {', '.join(last_values)}",
    )


def _loss_terms(watch: Watch, seed: int) -> None:
    """Draw the terms of the distilled student's loss in an expander; nothing for a single term."""
    objective = get_objective(watch.experiment.spec.objective.name)
    stage = watch.experiment.stage(seed, "distilled")
    accuracy_terms = _validation_terms(objective).values()  # in the chart of accuracies
    rows = watch.epochs.get(stage.hash, ())
    curves = [curve for curve in term_curves(rows) if curve.name not in accuracy_terms]
    if len(curves) < 2:
        return
    expander = st.expander(
        "Terms of the distilled student's loss",
        icon=":material/stacked_line_chart:",
        key=TERMS_OPEN,
        on_change="rerun",
    )
    if not expander.open:
        return
    unitless = [curve.name for curve in curves if curve.name in objective.unitless_terms]
    unit = "" if unitless else "nats"
    epochs = stage.spec.train.epochs
    option = terms_option(curves, objective.fraction_terms, unit, palette(), epochs)
    last_values = ", ".join(f"{curve.name} {curve.values[-1]:g}" for curve in curves)
    with expander:
        st.echarts_chart(
            option, key="live_terms", height=300, alt=f"Terms by epoch; last values: {last_values}"
        )
        units = f" {' and '.join(unitless)}: plain numbers; others in nats." if unitless else ""
        st.caption(
            f"Training images, mean over each epoch, before their weights.{units} "
            f"{objective.format_convention(stage.spec.objective)}."
        )


# -- the result -------------------------------------------------------------------------------


def result_view(service: Service, experiment: ExperimentSnapshot) -> None:
    """Draw the gap closed and the accuracies of a finished experiment.

    With excluded classes there is no gap: the student's accuracy does not count for them.
    """
    if experiment.spec.left_out:
        _result_text(service, experiment)
        return
    left, right = st.columns([1, 2], vertical_alignment="center")
    left.metric(
        "Gap closed (test)",
        with_interval(service.gain(experiment).gap, 0),
        help="(distilled − baseline) / (teacher − baseline), on the test split; – where the "
        "teacher is not better than the baseline. With several teachers it is measured against "
        "the first, so that it can be compared with experiments that have one teacher.",
        border=True,
    )
    with right:
        _result_text(service, experiment)
        with show_errors():
            _balanced_text(service, experiment)


def _result_text(service: Service, experiment: ExperimentSnapshot) -> None:
    spec, accuracy = experiment.spec, service.gain(experiment).accuracy
    several_teachers = len(trained_teachers(spec)) > 1
    if spec.left_out:
        names = format_class_names(get_dataset(spec.data.name).info, spec.left_out)
        st.markdown(
            f"The student never saw an image of **{names}**. Its accuracy of "
            f"**{with_interval(accuracy['distilled'])}** does not show what it knows about "
            f"{names}: raise their bias to see it."
        )
    else:
        st.markdown(
            f"The student went from **{with_interval(accuracy['baseline'])}** to "
            f"**{with_interval(accuracy['distilled'])}**; its {'first ' * several_teachers}teacher "
            f"has **{with_interval(accuracy['teacher'])}**."
        )
    gap_note = ""
    if several_teachers and not spec.left_out:
        gap_note = "; gap closed against the first teacher"
    st.caption(
        f"Test split, {plural(len(spec.seeds), 'seed')}{_interval_note(accuracy['distilled'])}; "
        f"{format_loss(spec)}{gap_note}."
    )


def _balanced_text(service: Service, experiment: ExperimentSnapshot) -> None:
    """Show the class-balanced accuracies where classes differ much in size."""
    accuracies = service.inference.balanced_accuracies(experiment, "test")
    if accuracies is not None:
        values = ", ".join(
            f"{role} **{100 * accuracy:.1f} %**" for role, accuracy in accuracies.items()
        )
        st.caption(
            f"Class-balanced accuracy (mean of the recall of each class, test): {values}. The "
            "largest class has more than 1.5 times the training images of the smallest."
        )


def _interval_note(accuracy: Interval | None) -> str:
    """Return whether an accuracy has an interval, to append to its seeds."""
    if accuracy is not None and accuracy.half is not None:
        return " with 95 % interval"
    if accuracy is not None and accuracy.n > 1:
        return " (no interval: all seeds gave the same value)"
    return " (no interval)"

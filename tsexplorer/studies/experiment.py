"""The kind of study *experiment*: a teacher, a baseline and a distilled student over some seeds."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path

from tsexplorer.analysis.seed_statistics import Gain, gain
from tsexplorer.data.base import DatasetInfo
from tsexplorer.data.registry import get_dataset, load_splits
from tsexplorer.data.subsets import check_excluded_classes, exclude_classes
from tsexplorer.errors import NotFoundError, UserError
from tsexplorer.jobs.study_run import JobPlan, StudyRun
from tsexplorer.models import ModelSize, count, describe
from tsexplorer.objectives import (
    ModelPair,
    Objective,
    get_objective,
    plan_experiment,
    trained_teachers,
)
from tsexplorer.specs import ROLES, ExperimentSpec, StageSpec, parse_spec
from tsexplorer.store import StageFigures
from tsexplorer.students.stacking_rule import available_memory, format_bytes, memory_needed
from tsexplorer.studies.kind import Resources, StudyCheck, StudyKind, StudySnapshot, StudySource
from tsexplorer.studies.student_stages import Cell


@dataclass(frozen=True, kw_only=True)
class ExperimentCheck(StudyCheck[ExperimentSpec]):
    """What an experiment amounts to.

    Attributes:
        teacher: size of the first teacher.
        student: size of the student.
    """

    teacher: ModelSize
    student: ModelSize


class ExperimentKind(StudyKind[ExperimentSpec, Gain]):
    """A single experiment; its results are accuracies and gap closed on test."""

    name = "experiment"
    title = "Experiment"
    spec_type = ExperimentSpec
    result_hint = "the page Train"

    def base(self, spec: ExperimentSpec) -> ExperimentSpec:
        """The experiment itself."""
        return spec

    def renamed(self, spec: ExperimentSpec, name: str) -> ExperimentSpec:
        """The same experiment under another name."""
        return renamed(spec, name)

    def check(self, spec: ExperimentSpec, resources: Resources) -> ExperimentCheck:
        """Check whether an experiment can be trained."""
        return check_experiment(spec, resources)

    def plan_job(self, spec: ExperimentSpec, stages: int) -> JobPlan:  # noqa: ARG002
        """All stages, one after the other."""
        return JobPlan(stages_first=stages, stages=stages)

    def train(self, spec: ExperimentSpec, run: StudyRun) -> None:
        """Nothing is left once all stages are trained."""

    def results(self, study: StudySnapshot[ExperimentSpec], source: StudySource) -> Gain:
        """Accuracies and gap closed over the seeds, on test."""
        return experiment_gain(study.spec, source.stages.values(), "test")

    def experiment(self, results: Gain, cell: Cell | None) -> ExperimentSpec:  # noqa: ARG002
        """An experiment is one already.

        Raises:
            NotFoundError: always.
        """
        raise NotFoundError("An experiment need not be made an experiment; open it on Train.")


KIND = ExperimentKind()


def check_experiment(spec: ExperimentSpec, resources: Resources) -> ExperimentCheck:
    """Check whether an experiment can be trained.

    Raises:
        UserError: a name is unknown, a net impossible, the objective cannot work on this pair of
            nets, a batch is larger than the data, or an excluded class is unknown.
    """
    info = get_dataset(spec.data.name).info
    objective = get_objective(spec.objective.name)
    options = objective.option_values(spec.objective)
    teacher, student = count(spec.teacher, info.task), count(spec.student, info.task)
    for member in spec.more_teachers:
        count(member.model, info.task)
    objective.select_layers(ModelPair(spec.student, spec.teacher, info.task, options))
    for train in (spec.teacher_train, spec.baseline_train, spec.distilled_train):
        if train.batch_size > info.train:
            raise UserError(
                f"The batch size {train.batch_size:,} is larger than the {info.train:,} "
                f"training images of {info.title}; make it smaller."
            )
    _check_left_out(spec, info, resources.data_folder)
    _check_labels(spec, info, objective)
    stages = plan_experiment(spec)
    for stage in {(stage.spec.model, stage.spec.train): stage.spec for stage in stages}.values():
        _check_memory(stage, info)
    return ExperimentCheck(
        spec=spec,
        stages=stages,
        trained=resources.trained([stage.spec.hash for stage in stages]),
        teacher=teacher,
        student=student,
        remarks=_remarks(spec, teacher, student),
    )


def experiment_gain(spec: ExperimentSpec, stages: Iterable[StageFigures], split: str) -> Gain:
    """An experiment's accuracies and gap closed over its seeds.

    Args:
        spec: the experiment.
        stages: figures of its stages.
        split: ``validation`` or ``test``; test figures were read once, when each stage ended.

    Returns:
        without a gap closed where classes were left out: the student as trained never answers
        with them.
    """
    seeds: dict[int, dict[str, float]] = {}
    for stage in stages:
        accuracy = stage.test_accuracy if split == "test" else stage.validation_accuracy
        if accuracy is not None and stage.role in ROLES:
            seeds.setdefault(stage.seed, {})[stage.role] = accuracy
    result = gain(list(seeds.values()))  # type: ignore[arg-type]
    return replace(result, gap=None, gap_of_means=None) if spec.left_out else result


def renamed(base: ExperimentSpec, name: str) -> ExperimentSpec:
    """The same experiment under a name.

    Raises:
        UserError: it is empty or too long.
    """
    return parse_spec(ExperimentSpec, {**dict(base), "name": name})


def require_data(base: ExperimentSpec, data_folder: Path) -> None:
    """Refuse an experiment whose images are missing.

    Raises:
        UserError: they are.
    """
    dataset = get_dataset(base.data.name)
    if not dataset.is_available(data_folder):
        raise UserError(dataset.describe_missing(data_folder))


def _check_memory(stage: StageSpec, info: DatasetInfo) -> None:
    """Refuse a net whose training would not fit into memory.

    Raises:
        UserError: it says the largest batch size that fits.
    """
    budget = available_memory()
    if _memory(stage, info, stage.train.batch_size) <= budget:
        return
    sizes = [stage.train.batch_size >> halvings for halvings in range(1, 17)]
    fitting = next((size for size in sizes if size and _memory(stage, info, size) <= budget), None)
    remedy = (
        "use smaller images or a smaller net"
        if fitting is None
        else f"the largest batch size that fits is about {fitting:,}"
    )
    raise UserError(
        f"Training {describe(stage.model, info.task)} with a batch size of "
        f"{stage.train.batch_size:,} needs about "
        f"{format_bytes(_memory(stage, info, stage.train.batch_size))} of memory, and "
        f"{format_bytes(budget)} may be used; {remedy}."
    )


def _memory(stage: StageSpec, info: DatasetInfo, batch_size: int) -> int:
    """Estimated bytes to train a net with a batch size."""
    train = stage.train.model_copy(update={"batch_size": batch_size})
    return memory_needed(stage.model_copy(update={"train": train}), info, 1).total(1)


def _check_labels(spec: ExperimentSpec, info: DatasetInfo, objective: Objective) -> None:
    """Refuse few labels for a loss that needs a label of each image, and too large a batch.

    Raises:
        UserError: in one sentence.
    """
    if spec.label_share == 1:
        return
    if objective.needs_teacher and not objective.uses_unlabelled:
        raise UserError(
            f"The objective {objective.title} needs the label of each image; use all labels, or "
            "another objective."
        )
    labelled = max(len(info.classes), round(spec.label_share * info.train))
    if spec.baseline_train.batch_size > labelled:
        raise UserError(
            f"The baseline's batch size {spec.baseline_train.batch_size:,} is larger than the "
            f"{labelled:,} images with a label; make it smaller, or use more labels."
        )


def _check_left_out(spec: ExperimentSpec, info: DatasetInfo, folder: Path) -> None:
    """Refuse unknown classes, and a batch larger than the images of the other classes.

    The images are read and counted, which takes seconds, only if the batch is so large that there
    may be too few.
    """
    check_excluded_classes(info, spec.left_out)
    size = spec.distilled_train.batch_size
    small = size <= info.train // (2 * len(info.classes))
    if not spec.left_out or small or not get_dataset(info.name).is_available(folder):
        return
    left = len(exclude_classes(load_splits(info.name, folder), spec.left_out).train)
    if size > left:
        raise UserError(
            f"The batch size {size:,} is larger than the {left:,} training images that are "
            "left without those classes; make it smaller, or leave fewer out."
        )


def _remarks(spec: ExperimentSpec, teacher: ModelSize, student: ModelSize) -> tuple[str, ...]:
    remarks, teachers = [], trained_teachers(spec)
    if len(teachers) == 1 and teacher.parameters < student.parameters:
        remarks.append(
            f"The teacher ({teacher.parameters:,} parameters) is smaller than its student "
            f"({student.parameters:,}); this is allowed but seldom helps."
        )
    if spec.objective.name == "labels":
        remarks.append("The distilled stage learns from labels alone, as the baseline does.")
    objective = get_objective(spec.objective.name)
    if objective.expects_pretrained_student and not spec.warm_start:
        remarks.append(
            f"{objective.title} is meant for a student that has learnt from labels before; here "
            "the student starts from random weights unless it continues from the baseline."
        )
    nets = [(one.model, seed + one.seed_offset) for one in teachers for seed in spec.seeds]
    if len(set(nets)) < len(nets):
        remarks.append(
            "Ensembles of different seeds share teachers, which makes the interval over seeds too "
            "narrow; use larger seed offsets."
        )
    return tuple(remarks)

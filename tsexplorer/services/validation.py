"""Whether an experiment can be trained, and what is worth knowing before it is."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from tsexplorer.data.base import DatasetInfo
from tsexplorer.data.class_subsets import check_left_out, without
from tsexplorer.data.registry import get_dataset, load_splits
from tsexplorer.errors import UserError
from tsexplorer.models import ModelSize, count
from tsexplorer.objectives import ModelPair, get_objective, plan_experiment, trained_teachers
from tsexplorer.planning import PlannedStage
from tsexplorer.settings import Settings
from tsexplorer.specs import ExperimentSpec, parse_spec


@dataclass(frozen=True)
class Check:
    """What a spec comes to, before anything is trained.

    Attributes:
        planned: its stages.
        trained: hashes of those that need no more training.
        teacher: size of the first teacher.
        student: size of the student.
        remarks: what is allowed and worth knowing, one sentence each.
    """

    planned: tuple[PlannedStage, ...]
    trained: frozenset[str]
    teacher: ModelSize
    student: ModelSize
    remarks: tuple[str, ...]


def check(spec: ExperimentSpec, folder: Path, is_trained: Callable[[str], bool]) -> Check:
    """Look an experiment over.

    Args:
        spec: what is asked for.
        folder: where full data sets are.
        is_trained: tells of a stage's hash whether its weights are there.

    Raises:
        UserError: a name is unknown, a net impossible, the objective cannot work on this pair,
            a batch is larger than the data, or a class that is left out is unknown.
    """
    info = get_dataset(spec.data.name).info
    classes = len(info.classes)
    objective = get_objective(spec.objective.name)
    options = objective.option_values(spec.objective)
    teacher, student = count(spec.teacher, classes), count(spec.student, classes)
    for member in spec.more_teachers:
        count(member.model, classes)
    objective.select_layers(ModelPair(spec.student, spec.teacher, classes, options))
    for train in (spec.teacher_train, spec.baseline_train, spec.distilled_train):
        if train.batch_size > info.train:
            raise UserError(
                f"The batch size {train.batch_size:,} is larger than the {info.train:,} "
                f"training images of {info.title}; make it smaller."
            )
    _check_left_out(spec, info, folder)
    stages = plan_experiment(spec)
    return Check(
        planned=stages,
        trained=frozenset(stage.spec.hash for stage in stages if is_trained(stage.spec.hash)),
        teacher=teacher,
        student=student,
        remarks=_remarks(spec, teacher, student),
    )


def _check_left_out(spec: ExperimentSpec, info: DatasetInfo, folder: Path) -> None:
    """Refuse classes that are not there, and a batch larger than the images of the others.

    How many these are the images alone tell. They are counted where the batch is so large
    that there may be too few: reading them takes seconds.
    """
    check_left_out(info, spec.left_out)
    size = spec.distilled_train.batch_size
    small = size <= info.train // (2 * len(info.classes))
    if not spec.left_out or small or not get_dataset(info.name).available(folder):
        return
    left = len(without(load_splits(info.name, folder), spec.left_out).train)
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
            f"({student.parameters:,}); that is allowed, and seldom helps."
        )
    if spec.objective.name == "labels":
        remarks.append("The distilled stage learns from labels alone, as the baseline does.")
    objective = get_objective(spec.objective.name)
    if objective.expects_pretrained_student and not spec.warm_start:
        remarks.append(
            f"{objective.title} is meant for a student that has learnt from labels before; it will "
            "start from nothing unless it is set to go on from the baseline."
        )
    nets = [(one.model, seed + one.seed_offset) for one in teachers for seed in spec.seeds]
    if len(set(nets)) < len(nets):
        remarks.append(
            "Ensembles of different seeds share teachers, so that the interval over seeds is too "
            "narrow; larger seed offsets keep them apart."
        )
    return tuple(remarks)


def needs_data(base: ExperimentSpec, settings: Settings) -> None:
    """Refuse what cannot be trained now.

    Raises:
        UserError: its images are not there.
    """
    name = base.data.name
    if not get_dataset(name).available(settings.data_folder):
        raise UserError(
            f"The images of {name} are not in {settings.data_folder}; download them on the Train "
            "page, or put the files there."
        )


def renamed(base: ExperimentSpec, name: str) -> ExperimentSpec:
    """The same experiment under a name.

    Raises:
        UserError: it is empty or too long.
    """
    return parse_spec(ExperimentSpec, {**dict(base), "name": name})

"""The kind of study *repeat*: one experiment over more seeds, until its gap closed is known well.

After each seed the 95 % interval of the gap closed on validation (Student's t over the seeds) is
computed. Training stops when half its width is as small as asked, or at a bound of seeds. Test
figures are shown beside it and decide nothing. The interval at which training stops is somewhat too
narrow, because a narrow interval by chance also stops it; the pages and the shell say so.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

from pydantic import Field, model_validator

from tsexplorer.analysis.seed_statistics import Accuracies, Gain, Interval, gap_closed
from tsexplorer.errors import NotFoundError
from tsexplorer.jobs.study_run import JobPlan, StudyRun
from tsexplorer.objectives import planned
from tsexplorer.planning import PlannedStage
from tsexplorer.specs import ROLES, ExperimentSpec, Role, Spec
from tsexplorer.store import StageFigures
from tsexplorer.studies.experiment import check_experiment, experiment_gain, renamed
from tsexplorer.studies.kind import Resources, StudyCheck, StudyKind, StudySnapshot, StudySource
from tsexplorer.studies.student_stages import Base, Cell

MIN_SEEDS = 2
"""An interval over seeds needs two."""


class RepeatSpec(Spec):
    """An experiment, and how narrow the interval of its gap closed shall be.

    The seeds of ``base`` come first; further seeds are the smallest whole numbers not among them.
    """

    base: Base = ExperimentSpec()
    half_width: float = Field(
        default=0.1,
        gt=0,
        le=10,
        description="Half the width of the 95 % interval of the gap closed (validation) at which "
        "training stops; 0.1 is ± 10 % of the gap.",
    )
    max_seeds: int = Field(
        default=10, ge=MIN_SEEDS, le=100, description="Seeds at which training stops in any case."
    )

    @model_validator(mode="after")
    def _bound_covers_the_base(self) -> RepeatSpec:
        if self.max_seeds < len(self.base.seeds):
            raise ValueError(
                f"the experiment has {len(self.base.seeds)} seeds already; allow at least as many"
            )
        return self

    @property
    def seeds(self) -> tuple[int, ...]:
        """All seeds up to the bound, in the order of training."""
        first = self.base.seeds
        further = [seed for seed in range(self.max_seeds + len(first)) if seed not in first]
        return (*first, *further)[: self.max_seeds]

    def stages(self, seed: int) -> tuple[PlannedStage, ...]:
        """The stages of one seed, each after those that it learns from."""
        return planned(self.base.model_copy(update={"seeds": (seed,)}))

    def first_stages(self) -> tuple[PlannedStage, ...]:
        """The stages of the seeds that are trained in any case."""
        seeds = self.seeds[: max(MIN_SEEDS, len(self.base.seeds))]
        return tuple(stage for seed in seeds for stage in self.stages(seed))


class SeedResult(NamedTuple):
    """One seed's validation accuracies.

    Attributes:
        seed: the seed.
        accuracies: by role, as far as known.
        gap: gap closed; None unless all three nets are trained and the teacher beats the baseline.
    """

    seed: int
    accuracies: Mapping[Role, float]
    gap: float | None


@dataclass(frozen=True)
class RepeatResults:
    """The results of a repeat so far.

    Attributes:
        study: the study and its state.
        seeds: results of the seeds that have begun.
        complete_seeds: seeds whose three nets are trained.
        validation: accuracies and gap closed over the complete seeds.
        test: the same on test, read once when each stage ended.
    """

    study: StudySnapshot[RepeatSpec]
    seeds: tuple[SeedResult, ...]
    complete_seeds: tuple[int, ...]
    validation: Gain
    test: Gain

    @property
    def reached(self) -> bool:
        """Whether the interval is as narrow as asked."""
        return is_narrow(self.study.spec, self.validation.gap)


class RepeatKind(StudyKind[RepeatSpec, RepeatResults]):
    """One experiment over more and more seeds."""

    name = "repeat"
    title = "Repeat"
    spec_type = RepeatSpec
    result_hint = "the page Tune, and make its seeds an experiment"
    open_ended = True

    def base(self, spec: RepeatSpec) -> ExperimentSpec:
        """The experiment that is repeated."""
        return spec.base

    def renamed(self, spec: RepeatSpec, name: str) -> RepeatSpec:
        """The same study under another name."""
        return spec.model_copy(update={"base": renamed(spec.base, name)})

    def check(self, spec: RepeatSpec, resources: Resources) -> StudyCheck[RepeatSpec]:
        """Check whether the experiment can be trained."""
        checked = check_experiment(spec.base, resources)
        stages = spec.first_stages()
        return StudyCheck(
            spec=spec,
            remarks=checked.remarks,
            stages=stages,
            trained=resources.trained([stage.spec.hash for stage in stages]),
            open_ended=True,
        )

    def plan_job(self, spec: RepeatSpec, stages: int) -> JobPlan:
        """The first seeds, then one more at a time."""
        most = sum(len(spec.stages(seed)) for seed in spec.seeds)
        return JobPlan(stages_first=stages, stages=max(stages, most))

    def train(self, spec: RepeatSpec, run: StudyRun) -> None:
        """Train one seed after the other until the interval is narrow or the bound is reached."""
        for seed in spec.seeds:
            gain = experiment_gain(spec.base, run.store.stage_figures(run.study.id), "validation")
            if is_narrow(spec, gain.gap):
                return
            run.train_stages(spec.stages(seed))

    def results(self, study: StudySnapshot[RepeatSpec], source: StudySource) -> RepeatResults:
        """Accuracies by seed, and the gap closed with its interval."""
        return compute_results(study, source.stages)

    def experiment(self, results: RepeatResults, cell: Cell | None) -> ExperimentSpec:  # noqa: ARG002
        """The experiment over all seeds that were trained.

        Raises:
            NotFoundError: no seed is trained yet.
        """
        if not results.complete_seeds:
            raise NotFoundError("No seed of this study is trained yet; wait for the first.")
        base = results.study.spec.base
        seeds = results.complete_seeds
        name = f"{base.name[:60]}, {len(seeds)} seed{'s' * (len(seeds) > 1)}"
        return base.model_copy(update={"seeds": seeds, "name": name})


KIND = RepeatKind()


def is_narrow(spec: RepeatSpec, gap: Interval | None) -> bool:
    """Whether an interval of the gap closed is as narrow as asked; False without an interval."""
    return gap is not None and gap.half is not None and gap.half <= spec.half_width


def compute_results(
    study: StudySnapshot[RepeatSpec], stages: Mapping[str, StageFigures]
) -> RepeatResults:
    """The results of a repeat whose stages are in the store."""
    by_seed: dict[int, dict[Role, float]] = {}
    for stage in stages.values():
        if stage.validation_accuracy is not None and stage.role in ROLES:
            by_seed.setdefault(stage.seed, {})[stage.role] = stage.validation_accuracy
    complete = [seed for seed, accuracies in by_seed.items() if len(accuracies) == len(ROLES)]
    finished = [stage for stage in stages.values() if stage.seed in complete]
    base = study.spec.base
    return RepeatResults(
        study=study,
        seeds=tuple(
            SeedResult(seed, accuracies, _gap(accuracies)) for seed, accuracies in by_seed.items()
        ),
        complete_seeds=tuple(complete),
        validation=experiment_gain(base, finished, "validation"),
        test=experiment_gain(base, finished, "test"),
    )


def _gap(accuracies: Accuracies) -> float | None:
    if len(accuracies) < len(ROLES):
        return None
    return gap_closed(accuracies["teacher"], accuracies["baseline"], accuracies["distilled"])

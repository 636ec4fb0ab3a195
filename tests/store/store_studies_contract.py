"""Contract of the store: studies of all kinds, and students that train together."""

from __future__ import annotations

import pytest

from tests.store.store_examples import OWNER, add, epoch, spec
from tsexplorer.errors import NotFoundError, UserError
from tsexplorer.store import ExperimentSnapshot, LastEpoch, Store, StudentRow, StudyRecord
from tsexplorer.studies.student_stages import Cell
from tsexplorer.studies.sweep.spec import SweepSpec
from tsexplorer.studies.tuning.spec import TuneSpec


def grid(name: str = "map", **changes: object) -> SweepSpec:
    values = {"temperatures": (1.0, 4.0), "lambdas": (0.0, 0.5), "seeds": (0, 1)} | changes
    return SweepSpec.model_validate({"base": spec(name), **values})


def add_sweep(store: Store, sweep: SweepSpec) -> StudyRecord:
    return store.add_study("sweep", sweep, sweep.planned)


def row(key: str, number: int, agreement: float | None = 0.8) -> StudentRow:
    return StudentRow(key, epoch(number), agreement, 0.05)


class StudiesContract:
    @pytest.fixture
    def added(self, store: Store) -> ExperimentSnapshot:
        return store.experiment(add_sweep(store, grid()).id)

    def test_study_keeps_its_document_and_stages(
        self, store: Store, added: ExperimentSnapshot
    ) -> None:
        assert store.studies("sweep") == [store.study("map")]
        assert SweepSpec.model_validate(added.document) == grid()
        assert added.spec == grid().base
        assert [link.stage.spec for link in added.stages] == [
            stage.spec for stage in grid().planned
        ]
        # One teacher, two baselines, and T × λ × seeds.
        assert [link.role for link in added.stages].count("baseline") == 2
        assert len(added.stages) == 1 + 2 + 2 * 2 * 2

    def test_stage_figures_are_in_the_order_of_the_stages(
        self, store: Store, added: ExperimentSnapshot
    ) -> None:
        key = added.stages[2].stage.hash
        store.record_students_started([key])
        store.record_student_epochs([row(key, 1)])
        figures = store.stage_figures(added.id)
        assert [(stage.hash, stage.seed, stage.role) for stage in figures] == [
            (link.stage.hash, link.seed, link.role) for link in added.stages
        ]
        assert (figures[2].epochs_done, figures[2].agreement) == (1, 0.8)
        store.record_stage_ended(key, "done", validation_accuracy=0.9, test_accuracy=0.8)
        assert store.stage_figures(added.id)[2][3:8] == ("done", 1, 0.9, None, 0.8)
        assert store.stage_counts()[added.id] == (len(added.stages), 1)
        assert store.stage_figures("unknown") == []

    def test_studies_can_be_listed_by_kind(self, store: Store, added: ExperimentSnapshot) -> None:
        other = add(store, "other")
        assert store.experiments() == [other]
        assert [record.id for record in store.studies("sweep")] == [added.id]
        assert {record.id for record in store.studies()} == {other.id, added.id}

    def test_stages_can_be_added_to_a_study(self, store: Store) -> None:
        tune = TuneSpec(base=spec("tuned"), lambdas=(0.0, 0.5))
        first = tune.stages.prerequisites
        record = store.add_study("tuning", tune, first)
        assert store.add_study("tuning", tune, first) == record
        assert store.studies("tuning") == [record]
        students = tune.stages.planned(tune.students(Cell(4.0, 0.5, 0.01), (0, 1)))
        store.add_stages(record.id, students)
        grown = store.experiment(record.id)
        store.add_stages(record.id, students)
        assert store.experiment(record.id) == grown
        assert [link.role for link in grown.stages] == ["teacher", "distilled", "distilled"]
        with pytest.raises(UserError, match='A tuning is named "tuned"; choose another name'):
            add(store, "tuned")
        key = students[0].spec.hash
        store.record_stage_ended(key, "pruned")
        store.record_stage_ended(key, "cancelled")  # too late
        assert store.stage(key).status == "pruned"
        store.record_students_started([key])
        store.record_stage_ended(key, "done")
        assert store.stage(key).status == "done"

    def test_studies_are_listed_newest_first(self, store: Store, added: ExperimentSnapshot) -> None:
        later = add_sweep(store, grid("later"))
        assert [record.id for record in store.studies("sweep")] == [later.id, added.id]

    def test_adding_the_same_study_again_returns_it(
        self, store: Store, added: ExperimentSnapshot
    ) -> None:
        assert add_sweep(store, grid()).id == added.id

    def test_name_is_unique_among_all_kinds(self, store: Store) -> None:
        add_sweep(store, grid())
        with pytest.raises(UserError, match='A sweep named "map" exists with other settings'):
            add_sweep(store, grid(lambdas=(0.5,)))
        with pytest.raises(UserError, match='A sweep is named "map"; choose another name'):
            add(store, "map")
        add(store, "other")
        with pytest.raises(UserError, match='An experiment is named "other"; choose another'):
            add_sweep(store, grid("other"))

    def test_renamed_study_is_recognised_by_its_settings(
        self, store: Store, added: ExperimentSnapshot
    ) -> None:
        store.rename_study(added.id, "new")
        assert add_sweep(store, grid("new")).id == added.id

    def test_experiment_and_sweep_share_their_stages(
        self, store: Store, added: ExperimentSnapshot
    ) -> None:
        cell = grid().experiment(Cell(4.0, 0.5, 1e-3), (0,))
        experiment = add(store, "cell", lam=0.5)  # T is 4 by default
        assert experiment.spec == cell.model_copy(update={"name": "cell"})
        shared = {link.stage.hash for link in experiment.stages if link.role != "baseline"}
        assert shared < {link.stage.hash for link in added.stages}
        deleted = store.delete_study(added.id)
        assert not shared & set(deleted)
        assert len(deleted) == len(added.stages) - len(shared)
        assert store.studies("sweep") == []

    def test_deleting_a_study_during_training_is_an_error(
        self, store: Store, added: ExperimentSnapshot
    ) -> None:
        job = store.enqueue(added.id)
        store.claim(OWNER, job.id)
        with pytest.raises(UserError, match=f'sweep "map" is being trained; .* job {job.id} first'):
            store.delete_study(added.id)

    def test_latest_jobs_returns_one_job_per_study(
        self, store: Store, added: ExperimentSnapshot
    ) -> None:
        other = add(store, "other")
        first = store.enqueue(added.id)
        store.cancel_queued(first.id)
        second = store.enqueue(added.id)
        assert store.latest_jobs() == {added.id: second}
        third = store.enqueue(other.id)
        assert store.latest_jobs() == {added.id: second, other.id: third}

    def test_all_students_start_or_none(self, store: Store, added: ExperimentSnapshot) -> None:
        keys = [link.stage.hash for link in added.stages]
        with pytest.raises(NotFoundError):
            store.record_students_started([*keys[:2], "f" * 16])
        assert {store.stage(key).status for key in keys} == {"new"}
        store.record_students_started(keys[:2], parameters=7, macs=6, machine="a stack")
        first, second, third = (store.stage(key) for key in keys[:3])
        assert [stage.status for stage in (first, second, third)] == ["running", "running", "new"]
        assert (second.parameters, second.macs, second.machine) == (7, 6, "a stack")

    def test_epochs_of_many_students_are_recorded_together(
        self, store: Store, added: ExperimentSnapshot
    ) -> None:
        first, second = (link.stage.hash for link in added.stages[1:3])
        store.record_student_epochs([row(first, 1), row(second, 1, None), row(first, 2, 0.9)])
        assert [epoch.epoch for epoch in store.epochs(first)] == [1, 2]
        assert (store.stage(first).epochs_done, store.stage(first).agreement) == (2, 0.9)
        assert (store.stage(second).agreement, store.stage(second).ece) == (None, 0.05)
        store.record_student_epochs([row(first, 2, 0.7)])  # a resumed chunk repeats an epoch
        assert [epoch.epoch for epoch in store.epochs(first)] == [1, 2]
        assert store.stage(first).agreement == 0.7

    def test_unknown_student_prevents_all_epochs_from_being_recorded(
        self, store: Store, added: ExperimentSnapshot
    ) -> None:
        key = added.stages[1].stage.hash
        with pytest.raises(NotFoundError):
            store.record_student_epochs([row(key, 1), row("f" * 16, 1)])
        assert store.epochs(key) == ()

    def test_agreement_belongs_to_the_latest_epoch(
        self, store: Store, added: ExperimentSnapshot
    ) -> None:
        key = added.stages[1].stage.hash
        store.record_student_epochs([row(key, 1)])
        store.record_stage_ended(key, "done", agreement=0.6, ece=0.01)
        assert (store.stage(key).agreement, store.stage(key).ece) == (0.6, 0.01)
        store.reset_stage(key)
        assert (store.stage(key).agreement, store.stage(key).ece) == (None, None)
        store.record_student_epochs([row(key, 1)])
        store.record_epoch(key, epoch(2))  # a later epoch as part of an experiment, without scores
        assert store.stage(key).agreement is None

    def test_scores_can_be_recorded_after_the_end_of_a_stage(
        self, store: Store, added: ExperimentSnapshot
    ) -> None:
        key = added.stages[1].stage.hash
        store.record_stage_ended(key, "done")
        before = store.stage(key)
        store.record_stage_quality(key, 0.7, 0.02)
        after = store.stage(key)
        assert (after.agreement, after.ece) == (0.7, 0.02)
        assert (after.status, after.finished_at) == ("done", before.finished_at)

    def test_last_epochs_and_done_stages_of_many_students(
        self, store: Store, added: ExperimentSnapshot
    ) -> None:
        first, second, third = (link.stage.hash for link in added.stages[:3])
        store.record_student_epochs([row(first, 1), row(first, 2), row(second, 1)])
        store.record_stage_ended(second, "done")
        assert store.last_epochs([first, second, third]) == {
            key: LastEpoch(last.epoch, last.validation_accuracy, last.validation_loss)
            for key, last in {first: epoch(2), second: epoch(1)}.items()
        }
        assert store.last_epochs([]) == {}
        assert store.done_stages([first, second, third]) == {second}

    def test_stale_sweep_is_interrupted_with_its_students(
        self, store: Store, added: ExperimentSnapshot
    ) -> None:
        job = store.enqueue(added.id)
        claimed = store.claim(OWNER, job.id)
        assert claimed is not None
        keys = [link.stage.hash for link in added.stages]
        store.record_students_started(keys[:3])
        store.record_stage_ended(keys[0], "done")
        now = claimed.created_at
        assert store.interrupt_stale_jobs(now, now - now, lambda _: False) == [job.id]
        statuses = [link.stage.status for link in store.experiment("map").stages]
        assert statuses == ["done", "interrupted", "interrupted", *["new"] * (len(keys) - 3)]
        assert store.job(job.id).status == "interrupted"

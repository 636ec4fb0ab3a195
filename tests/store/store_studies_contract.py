"""What every store must do with studies of all kinds, and with students that train together."""

from __future__ import annotations

import pytest

from tests.store.store_examples import OWNER, add, epoch, spec
from tsexplorer.errors import NotFoundError, UserError
from tsexplorer.store import ExperimentSnapshot, Store, StudentRow, StudyRecord
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
        assert store.records("sweep") == [store.record("map")]
        assert SweepSpec.model_validate(added.document) == grid()
        assert added.spec == grid().base
        assert [link.stage.spec for link in added.stages] == [
            stage.spec for stage in grid().planned
        ]
        # One teacher; two baselines; T by lambda by seed.
        assert [link.role for link in added.stages].count("baseline") == 2
        assert len(added.stages) == 1 + 2 + 2 * 2 * 2

    def test_figures_are_those_of_the_stages_in_order(
        self, store: Store, added: ExperimentSnapshot
    ) -> None:
        key = added.stages[2].stage.hash
        store.students_started([key])
        store.record_students([row(key, 1)])
        figures = store.stage_figures(added.id)
        assert [(one.hash, one.seed, one.role) for one in figures] == [
            (link.stage.hash, link.seed, link.role) for link in added.stages
        ]
        assert (figures[2].epochs_done, figures[2].agreement) == (1, 0.8)
        store.stage_ended(key, "done", validation_accuracy=0.9, test_accuracy=0.8)
        assert store.stage_figures(added.id)[2][3:8] == ("done", 1, 0.9, None, 0.8)
        assert store.stage_counts()[added.id] == (len(added.stages), 1)
        assert store.stage_figures("gone") == []

    def test_kinds_are_listed_apart(self, store: Store, added: ExperimentSnapshot) -> None:
        other = add(store, "other")
        assert store.experiments() == [other]
        assert [record.id for record in store.records("sweep")] == [added.id]
        assert {record.id for record in store.records()} == {other.id, added.id}

    def test_study_grows_by_further_stages(self, store: Store) -> None:
        tune = TuneSpec(base=spec("tuned"), lambdas=(0.0, 0.5))
        first = tune.stages.prerequisites
        record = store.add_study("tuning", tune, first)
        assert store.add_study("tuning", tune, first) == record
        assert store.records("tuning") == [record]
        students = tune.stages.planned(tune.students(Cell(4.0, 0.5, 0.01), (0, 1)))
        store.extend_experiment(record.id, students)
        grown = store.experiment(record.id)
        store.extend_experiment(record.id, students)
        assert store.experiment(record.id) == grown
        assert [link.role for link in grown.stages] == ["teacher", "distilled", "distilled"]
        with pytest.raises(UserError, match='A tuning is named "tuned"; choose another name'):
            add(store, "tuned")
        key = students[0].spec.hash
        store.stage_ended(key, "pruned")
        store.stage_ended(key, "cancelled")  # too late
        assert store.stage(key).status == "pruned"
        store.students_started([key])
        store.stage_ended(key, "done")
        assert store.stage(key).status == "done"

    def test_newest_study_comes_first(self, store: Store, added: ExperimentSnapshot) -> None:
        later = add_sweep(store, grid("later"))
        assert [record.id for record in store.records("sweep")] == [later.id, added.id]

    def test_study_added_again_is_the_same(self, store: Store, added: ExperimentSnapshot) -> None:
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

    def test_renamed_study_is_found_by_its_settings(
        self, store: Store, added: ExperimentSnapshot
    ) -> None:
        store.rename_experiment(added.id, "new")
        assert add_sweep(store, grid("new")).id == added.id

    def test_cell_and_sweep_share_their_nets(self, store: Store, added: ExperimentSnapshot) -> None:
        cell = grid().experiment(Cell(4.0, 0.5, 1e-3), (0,))
        kept = add(store, "cell", lam=0.5)  # T is 4 by default
        assert kept.spec == cell.model_copy(update={"name": "cell"})
        shared = {link.stage.hash for link in kept.stages if link.role != "baseline"}
        assert shared < {link.stage.hash for link in added.stages}
        gone = store.delete_experiment(added.id)
        assert not shared & set(gone)
        assert len(gone) == len(added.stages) - len(shared)
        assert store.records("sweep") == []

    def test_study_in_training_is_not_deleted(
        self, store: Store, added: ExperimentSnapshot
    ) -> None:
        job = store.enqueue(added.id)
        store.claim(OWNER, job.id)
        with pytest.raises(UserError, match=f'sweep "map" is being trained; .* job {job.id} first'):
            store.delete_experiment(added.id)

    def test_latest_job_of_each_study(self, store: Store, added: ExperimentSnapshot) -> None:
        other = add(store, "other")
        first = store.enqueue(added.id)
        store.cancel_queued(first.id)
        second = store.enqueue(added.id)
        assert store.latest_jobs() == {added.id: second}
        third = store.enqueue(other.id)
        assert store.latest_jobs() == {added.id: second, other.id: third}

    def test_students_start_together_or_not_at_all(
        self, store: Store, added: ExperimentSnapshot
    ) -> None:
        keys = [link.stage.hash for link in added.stages]
        with pytest.raises(NotFoundError):
            store.students_started([*keys[:2], "f" * 16])
        assert {store.stage(key).status for key in keys} == {"new"}
        store.students_started(keys[:2], parameters=7, macs=6, machine="a stack")
        first, second, third = (store.stage(key) for key in keys[:3])
        assert [one.status for one in (first, second, third)] == ["running", "running", "new"]
        assert (second.parameters, second.macs, second.machine) == (7, 6, "a stack")

    def test_epochs_of_many_students_in_one_go(
        self, store: Store, added: ExperimentSnapshot
    ) -> None:
        one, two = (link.stage.hash for link in added.stages[1:3])
        store.record_students([row(one, 1), row(two, 1, None), row(one, 2, 0.9)])
        assert [found.epoch for found in store.epochs(one)] == [1, 2]
        assert (store.stage(one).epochs_done, store.stage(one).agreement) == (2, 0.9)
        assert (store.stage(two).agreement, store.stage(two).ece) == (None, 0.05)
        store.record_students([row(one, 2, 0.7)])  # a resumed chunk repeats an epoch
        assert [found.epoch for found in store.epochs(one)] == [1, 2]
        assert store.stage(one).agreement == 0.7

    def test_none_of_many_epochs_is_kept_where_one_cannot_be(
        self, store: Store, added: ExperimentSnapshot
    ) -> None:
        key = added.stages[1].stage.hash
        with pytest.raises(NotFoundError):
            store.record_students([row(key, 1), row("f" * 16, 1)])
        assert store.epochs(key) == ()

    def test_agreement_is_of_the_last_word(self, store: Store, added: ExperimentSnapshot) -> None:
        key = added.stages[1].stage.hash
        store.record_students([row(key, 1)])
        store.stage_ended(key, "done", agreement=0.6, ece=0.01)
        assert (store.stage(key).agreement, store.stage(key).ece) == (0.6, 0.01)
        store.reset_stage(key)
        assert (store.stage(key).agreement, store.stage(key).ece) == (None, None)
        store.record_students([row(key, 1)])
        store.record_epoch(key, epoch(2))  # trained on as an experiment's: nobody asked then
        assert store.stage(key).agreement is None

    def test_asked_afterwards(self, store: Store, added: ExperimentSnapshot) -> None:
        key = added.stages[1].stage.hash
        store.stage_ended(key, "done")
        before = store.stage(key)
        store.stage_asked(key, 0.7, 0.02)
        after = store.stage(key)
        assert (after.agreement, after.ece) == (0.7, 0.02)
        assert (after.status, after.finished_at) == ("done", before.finished_at)

    def test_last_epochs_and_those_done(self, store: Store, added: ExperimentSnapshot) -> None:
        one, two, three = (link.stage.hash for link in added.stages[:3])
        store.record_students([row(one, 1), row(one, 2), row(two, 1)])
        store.stage_ended(two, "done")
        assert store.last_epochs([one, two, three]) == {one: epoch(2), two: epoch(1)}
        assert store.last_epochs([]) == {}
        assert store.stages_done([one, two, three]) == {two}

    def test_sweep_that_nobody_runs_any_more_is_interrupted_with_its_students(
        self, store: Store, added: ExperimentSnapshot
    ) -> None:
        job = store.enqueue(added.id)
        claimed = store.claim(OWNER, job.id)
        assert claimed is not None
        keys = [link.stage.hash for link in added.stages]
        store.students_started(keys[:3])
        store.stage_ended(keys[0], "done")
        now = claimed.created_at
        assert store.interrupt_stale(now, now - now, lambda _: False) == [job.id]
        found = [link.stage.status for link in store.experiment("map").stages]
        assert found == ["done", "interrupted", "interrupted", *["new"] * (len(keys) - 3)]
        assert store.job(job.id).status == "interrupted"

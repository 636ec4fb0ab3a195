"""Contract of the store: experiments."""

from __future__ import annotations

from dataclasses import FrozenInstanceError

import pytest

from tests.store.store_examples import add, epoch, run, spec
from tsexplorer.errors import NotFoundError, UserError
from tsexplorer.planning import PlannedStage, plan
from tsexplorer.store import ExperimentSnapshot, Store


def finish(store: Store, experiment: ExperimentSnapshot) -> None:
    for link in experiment.stages:
        store.record_stage_ended(link.stage.hash, "done")


class ExperimentsContract:
    def test_experiment_is_found_by_id_and_by_name(self, store: Store) -> None:
        added = add(store, "first", lam=0.1, seeds=(3, 4))
        assert store.experiment(added.id) == store.experiment("first") == added
        assert added.spec == spec("first", lam=0.1, seeds=(3, 4))
        assert len(added.id) == 8
        assert store.has_study("first")
        assert store.has_study(added.id)

    def test_stages_keep_the_order_of_the_plan(self, store: Store) -> None:
        experiment = spec(seeds=(5, 2))
        planned = plan(experiment)
        stages = store.add_experiment(experiment, planned).stages
        assert [(link.seed, link.role, link.stage.spec) for link in stages] == [
            (stage.seed, stage.role, stage.spec) for stage in planned
        ]

    def test_spec_read_from_the_database_has_the_same_hash(self, store: Store) -> None:
        for link in add(store, lam=1 / 3).stages:
            assert link.stage.spec.hash == link.stage.hash

    def test_adding_the_same_experiment_again_returns_it(self, store: Store) -> None:
        assert add(store, "first") == add(store, "first")
        assert len(store.experiments()) == 1

    def test_same_name_with_other_settings_is_an_error(self, store: Store) -> None:
        add(store, "first", lam=0.1)
        with pytest.raises(UserError, match='"first" exists with other settings; choose another'):
            add(store, "first", lam=0.2)

    def test_experiments_share_trained_stages(self, store: Store) -> None:
        first = add(store, "first", lam=0.1)
        finish(store, first)
        second = add(store, "second", lam=0.2)
        assert [link.stage.status for link in second.stages] == ["done", "done", "new"]
        assert len(store.stages()) == 4

    def test_stage_may_have_two_roles(self, store: Store) -> None:
        experiment = spec()
        stage = plan(experiment)[0].spec
        both = [PlannedStage(0, "teacher", stage), PlannedStage(0, "baseline", stage)]
        added = store.add_experiment(experiment, both)
        assert added.stage(0, "teacher") == added.stage(0, "baseline")
        assert store.delete_study(added.id) == [stage.hash]

    def test_experiments_are_listed_newest_first(self, store: Store) -> None:
        for name in ("a", "c", "b"):
            add(store, name)
        assert [experiment.name for experiment in store.experiments()] == ["b", "c", "a"]

    def test_unknown_experiment_is_an_error_with_its_name(self, store: Store) -> None:
        assert not store.has_study("nothing")
        with pytest.raises(NotFoundError, match='no experiment "nothing"'):
            store.experiment("nothing")

    def test_renaming_changes_only_the_name_and_the_spec(self, store: Store) -> None:
        before = add(store, "first")
        after = store.rename_study("first", "better")
        assert after == store.experiment("better") == store.experiment(before.id)
        assert (after.id, after.spec) == (before.id, spec("better"))
        assert after.stages == before.stages
        assert not store.has_study("first")

    @pytest.mark.parametrize("name", ["second", "", "x" * 81])
    def test_renaming_to_an_invalid_or_existing_name_is_an_error(
        self, store: Store, name: str
    ) -> None:
        add(store, "first")
        add(store, "second")
        with pytest.raises(UserError):
            store.rename_study("first", name)
        assert {experiment.name for experiment in store.experiments()} == {"first", "second"}

    def test_renaming_to_the_same_name_is_allowed(self, store: Store) -> None:
        assert store.rename_study(add(store, "first").id, "first").name == "first"

    def test_deleting_removes_only_unshared_stages(self, store: Store) -> None:
        first, second = add(store, "first", lam=0.1), add(store, "second", lam=0.2)
        own = first.stage(0, "distilled").hash
        store.record_epoch(own, epoch(1))
        assert store.delete_study("first") == [own]
        assert {stage.hash for stage in store.stages()} == {
            link.stage.hash for link in second.stages
        }
        assert store.epochs(own) == ()
        assert len(store.delete_study(second.id)) == 3
        assert store.stages() == store.experiments() == []

    @pytest.mark.parametrize("status", ["running", "paused"])
    def test_deleting_during_training_is_an_error(self, store: Store, status: str) -> None:
        experiment, job = run(store)
        store.set_job_status(job, status)
        with pytest.raises(UserError, match=f"cancel its job {job} first"):
            store.delete_study(experiment.id)
        store.set_job_status(job, "cancelled")
        store.delete_study(experiment.id)
        assert store.jobs() == []

    def test_status_is_the_most_urgent_of_its_stages(self, store: Store) -> None:
        experiment = add(store)
        teacher, baseline, distilled = (link.stage.hash for link in experiment.stages)
        statuses = [experiment.status]
        for key, status in ((teacher, "cancelled"), (baseline, "failed")):
            store.record_stage_ended(key, status)
            statuses.append(store.experiment("first").status)
        store.record_stage_started(distilled)
        statuses.append(store.experiment("first").status)
        assert statuses == ["new", "cancelled", "failed", "running"]
        assert not store.experiment("first").done
        finish(store, experiment)
        assert store.experiment("first").status == "done"
        assert store.experiment("first").done

    def test_stage_of_an_unknown_seed_is_an_error(self, store: Store) -> None:
        with pytest.raises(NotFoundError, match="no teacher for seed 9"):
            add(store).stage(9, "teacher")

    def test_snapshot_is_frozen_and_independent_of_the_database(self, store: Store) -> None:
        before = add(store)
        store.rename_study(before.id, "other")
        assert before.name == "first"
        with pytest.raises(FrozenInstanceError):
            before.name = "mine"  # type: ignore[misc]

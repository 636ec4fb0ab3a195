"""What every store must do with experiments."""

from __future__ import annotations

from dataclasses import FrozenInstanceError

import pytest

from tests.store.store_examples import add, epoch, run, spec
from tsexplorer.errors import NotFoundError, UserError
from tsexplorer.planning import PlannedStage, plan
from tsexplorer.store import ExperimentSnapshot, Store


def finish(store: Store, experiment: ExperimentSnapshot) -> None:
    for link in experiment.stages:
        store.stage_ended(link.stage.hash, "done")


class ExperimentsContract:
    def test_is_found_by_id_and_by_name_with_its_spec(self, store: Store) -> None:
        added = add(store, "first", lam=0.1, seeds=(3, 4))
        assert store.experiment(added.id) == store.experiment("first") == added
        assert added.spec == spec("first", lam=0.1, seeds=(3, 4))
        assert len(added.id) == 8
        assert store.has_experiment("first")
        assert store.has_experiment(added.id)

    def test_keeps_the_order_of_its_plan(self, store: Store) -> None:
        asked = spec(seeds=(5, 2))
        planned = plan(asked)
        stages = store.add_experiment(asked, planned).stages
        assert [(link.seed, link.role, link.stage.spec) for link in stages] == [
            (stage.seed, stage.role, stage.spec) for stage in planned
        ]

    def test_stage_keeps_its_hash_through_the_database(self, store: Store) -> None:
        for link in add(store, lam=1 / 3).stages:
            assert link.stage.spec.hash == link.stage.hash

    def test_added_again_is_the_same(self, store: Store) -> None:
        assert add(store, "first") == add(store, "first")
        assert len(store.experiments()) == 1

    def test_same_name_with_other_settings_is_refused(self, store: Store) -> None:
        add(store, "first", lam=0.1)
        with pytest.raises(UserError, match='"first" exists with other settings; choose another'):
            add(store, "first", lam=0.2)

    def test_stages_are_shared_with_what_they_have_learnt(self, store: Store) -> None:
        first = add(store, "first", lam=0.1)
        finish(store, first)
        second = add(store, "second", lam=0.2)
        assert [link.stage.status for link in second.stages] == ["done", "done", "new"]
        assert len(store.stages()) == 4

    def test_one_stage_may_play_two_parts(self, store: Store) -> None:
        asked = spec()
        stage = plan(asked)[0].spec
        both = [PlannedStage(0, "teacher", stage), PlannedStage(0, "baseline", stage)]
        added = store.add_experiment(asked, both)
        assert added.stage(0, "teacher") == added.stage(0, "baseline")
        assert store.delete_experiment(added.id) == [stage.hash]

    def test_newest_come_first(self, store: Store) -> None:
        for name in ("a", "c", "b"):
            add(store, name)
        assert [experiment.name for experiment in store.experiments()] == ["b", "c", "a"]

    def test_unknown_one_is_named(self, store: Store) -> None:
        assert not store.has_experiment("nothing")
        with pytest.raises(NotFoundError, match='no experiment "nothing"'):
            store.experiment("nothing")

    def test_rename_changes_name_and_spec_alone(self, store: Store) -> None:
        before = add(store, "first")
        after = store.rename_experiment("first", "better")
        assert after == store.experiment("better") == store.experiment(before.id)
        assert (after.id, after.spec) == (before.id, spec("better"))
        assert after.stages == before.stages
        assert not store.has_experiment("first")

    @pytest.mark.parametrize("name", ["second", "", "x" * 81])
    def test_rename_to_what_cannot_be_a_name_is_refused(self, store: Store, name: str) -> None:
        add(store, "first")
        add(store, "second")
        with pytest.raises(UserError):
            store.rename_experiment("first", name)
        assert {experiment.name for experiment in store.experiments()} == {"first", "second"}

    def test_rename_to_its_own_name_is_fine(self, store: Store) -> None:
        assert store.rename_experiment(add(store, "first").id, "first").name == "first"

    def test_delete_takes_the_stages_nobody_else_has(self, store: Store) -> None:
        first, second = add(store, "first", lam=0.1), add(store, "second", lam=0.2)
        own = first.stage(0, "distilled").hash
        store.record_epoch(own, epoch(1))
        assert store.delete_experiment("first") == [own]
        assert {stage.hash for stage in store.stages()} == {
            link.stage.hash for link in second.stages
        }
        assert store.epochs(own) == ()
        assert len(store.delete_experiment(second.id)) == 3
        assert store.stages() == store.experiments() == []

    @pytest.mark.parametrize("status", ["running", "paused"])
    def test_delete_is_refused_while_trained(self, store: Store, status: str) -> None:
        experiment, job = run(store)
        store.set_job_status(job, status)
        with pytest.raises(UserError, match=f"cancel its job {job} first"):
            store.delete_experiment(experiment.id)
        store.set_job_status(job, "cancelled")
        store.delete_experiment(experiment.id)
        assert store.jobs() == []

    def test_status_is_the_most_pressing_of_its_stages(self, store: Store) -> None:
        experiment = add(store)
        teacher, baseline, distilled = (link.stage.hash for link in experiment.stages)
        seen = [experiment.status]
        for key, status in ((teacher, "cancelled"), (baseline, "failed")):
            store.stage_ended(key, status)
            seen.append(store.experiment("first").status)
        store.stage_started(distilled)
        seen.append(store.experiment("first").status)
        assert seen == ["new", "cancelled", "failed", "running"]
        assert not store.experiment("first").done
        finish(store, experiment)
        assert store.experiment("first").status == "done"
        assert store.experiment("first").done

    def test_stage_of_a_seed_that_is_not_there_is_named(self, store: Store) -> None:
        with pytest.raises(NotFoundError, match="no teacher for seed 9"):
            add(store).stage(9, "teacher")

    def test_snapshot_is_frozen_and_does_not_follow_the_row(self, store: Store) -> None:
        before = add(store)
        store.rename_experiment(before.id, "other")
        assert before.name == "first"
        with pytest.raises(FrozenInstanceError):
            before.name = "mine"  # type: ignore[misc]

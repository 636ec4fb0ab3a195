"""What is asked, who is given up, and that it goes on as it would have."""

from __future__ import annotations

import logging
from pathlib import Path
from statistics import fmean

import pytest

from tests.studies.tune_examples import hill, on_its_way, searching, tried, tune
from tsexplorer.store import Store
from tsexplorer.studies.tuning.optuna_search import ENOUGH, importances_of, trials_of


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store with a search that came to its end."""
    place = tmp_path_factory.mktemp("whole")
    asked = tune()
    with searching(place, asked) as opened:
        search = opened()
        for number in range(asked.rounds):
            tried(search, search.round(number))
    return place


def test_trials_come_in_rounds_within_their_ranges(store: Path) -> None:
    asked = tune()
    with searching(store, asked) as opened:
        trials = opened().trials
    assert [one.number for one in trials] == list(range(20))
    assert [one.round for one in trials] == sorted([0, 1, 2, 3] * 5)
    for one in trials:
        assert 0.5 <= one.setting.temperature <= 32
        assert 0 <= one.setting.lam <= 1
        assert 0.001 <= one.setting.learning_rate <= 0.1
    assert len({one.setting for one in trials}) == 20
    random = [hill(one.setting) for one in trials if one.round < 2]
    assert fmean(hill(one.setting) for one in trials if one.round > 1) > fmean(random)


def test_only_those_below_the_median_of_the_ended_are_given_up(store: Path) -> None:
    asked = tune()
    with searching(store, asked) as opened:
        trials = opened().trials
    assert {one.state for one in trials if one.round == 0} == {"done"}
    pruned = [one for one in trials if one.state == "pruned"]
    assert pruned
    for one in pruned:
        last = max(one.judged)
        assert last in asked.pruning_epochs == (2, 4)
        ended = sorted(
            other.judged[last]
            for other in trials
            if other.round < one.round and other.state == "done"
        )
        assert one.judged[last] == pytest.approx(on_its_way(one.setting, last))
        assert one.accuracy == one.judged[last] < ended[len(ended) // 2]
    for one in trials:
        if one.state == "done":
            assert one.accuracy == pytest.approx(hill(one.setting))
            assert list(one.judged) == [2, 4]


@pytest.mark.parametrize("stop", ["asking", "judging", "telling"])
def test_search_whose_process_dies_goes_on_as_it_would_have(
    store: Path, tmp_path: Path, stop: str
) -> None:
    asked = tune()
    with searching(store, asked) as opened:
        expected = [(one.setting, one.state, one.accuracy) for one in opened().trials]
    with searching(tmp_path, asked) as opened:
        for number in range(asked.rounds):
            search = opened()  # a new process for each round, with a sampler of its own
            if stop == "asking" and number in (0, 2):
                search._propose(number, 3)
                search._study.ask()  # no parameter yet
                search = opened()
            trials = search.round(number)
            assert opened().round(number) == trials
            if stop == "judging":
                seen = {one.number: on_its_way(one.setting, 2) for one in trials}
                assert search.judge(2, seen) == opened().judge(2, seen)
            if stop == "telling" and trials[0].state == "running" and number == 0:
                judged = {epoch: on_its_way(trials[0].setting, epoch) for epoch in (2, 4)}
                search.finish(trials[0].number, hill(trials[0].setting), judged)
                trials = opened().round(number)
            tried(opened(), trials)
        found = [(one.setting, one.state, one.accuracy) for one in opened().trials]
    assert found == expected


def test_nobody_is_given_up_where_nobody_asks_for_it(tmp_path: Path) -> None:
    asked = tune(prune=False, trials=10)
    with searching(tmp_path, asked) as opened:
        for number in range(asked.rounds):
            tried(opened(), opened().round(number))
        assert {one.state for one in opened().trials} == {"done"}


def test_another_seed_asks_otherwise(tmp_path: Path, store: Path) -> None:
    with searching(tmp_path, tune(sampler_seed=1)) as opened:
        other = opened().round(0)
    with searching(store, tune()) as opened:
        assert not {one.setting for one in other} & {one.setting for one in opened().trials}


def test_importances_are_of_all_that_is_over_and_name_what_matters(store: Path) -> None:
    opened = Store.open(f"sqlite:///{store / 'store.sqlite3'}")
    with opened.studying() as storage:
        found = importances_of(tune(), storage, "search")
        assert found is not None
        assert found.trials == 20 >= ENOUGH
        assert sum(found.shares.values()) == pytest.approx(1)
        assert min(found.shares, key=lambda name: found.shares[name]) == "lambda"
        assert list(found.shares.values()) == sorted(found.shares.values(), reverse=True)
        assert importances_of(tune(), storage, "another") is None
        assert trials_of(tune(), storage, "another") == ()
    opened.close()


def test_importances_of_few_trials_are_not_told(tmp_path: Path) -> None:
    asked = tune(trials=ENOUGH - 1, per_round=ENOUGH - 1)
    with searching(tmp_path, asked) as opened:
        tried(opened(), opened().round(0))
        assert importances_of(asked, opened()._storage, "search") is None


def test_what_optuna_has_to_say_is_not_written(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    asked = tune(trials=5)
    with searching(tmp_path, asked) as opened:
        tried(opened(), opened().round(0))
    assert capfd.readouterr() == ("", "")
    assert logging.getLogger("optuna").propagate

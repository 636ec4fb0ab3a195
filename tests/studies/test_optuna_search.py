"""The search by Optuna: its proposals, the trials that it stops, and a restart after a crash."""

from __future__ import annotations

import logging
from pathlib import Path
from statistics import fmean

import optuna
import pytest

from tests.studies.tune_examples import (
    NAME,
    accuracy_at,
    final_accuracy,
    make_tune,
    open_search,
    open_store,
    run_trials,
)
from tsexplorer.studies.tuning.optuna_search import (
    ENOUGH,
    Search,
    Trial,
    importances_of,
    trials_of,
)
from tsexplorer.studies.tuning.spec import TuneSpec


@pytest.fixture(scope="module")
def searched(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a store with a finished search."""
    folder = tmp_path_factory.mktemp("searched")
    tune = make_tune()
    with open_search(folder, tune) as open_again:
        search = open_again()
        for number in range(tune.rounds):
            run_trials(search, search.round(number))
    return folder


def results_of(search: Search) -> list[tuple[object, ...]]:
    return [(trial.setting, trial.state, trial.accuracy) for trial in search.trials]


def test_trials_come_in_rounds_within_their_ranges(searched: Path) -> None:
    with open_search(searched, make_tune()) as open_again:
        trials = open_again().trials
    assert [trial.number for trial in trials] == list(range(20))
    assert [trial.round for trial in trials] == sorted([0, 1, 2, 3] * 5)
    for trial in trials:
        assert 0.5 <= trial.setting.temperature <= 32
        assert 0 <= trial.setting.lam <= 1
        assert 0.001 <= trial.setting.learning_rate <= 0.1
    assert len({trial.setting for trial in trials}) == 20
    random = [final_accuracy(trial.setting) for trial in trials if trial.round < 2]
    guided = [final_accuracy(trial.setting) for trial in trials if trial.round > 1]
    assert fmean(guided) > fmean(random)


def test_only_trials_below_the_median_are_pruned(searched: Path) -> None:
    tune = make_tune()
    with open_search(searched, tune) as open_again:
        trials = open_again().trials
    assert {trial.state for trial in trials if trial.round == 0} == {"done"}
    pruned = [trial for trial in trials if trial.state == "pruned"]
    assert pruned
    for trial in pruned:
        last = max(trial.judged)
        assert last in tune.pruning_epochs == (2, 4)
        finished = sorted(_finished_before(trial, trials, last))
        assert trial.judged[last] == pytest.approx(accuracy_at(trial.setting, last))
        assert trial.accuracy == trial.judged[last] < finished[len(finished) // 2]
    for trial in trials:
        if trial.state == "done":
            assert trial.accuracy == pytest.approx(final_accuracy(trial.setting))
            assert list(trial.judged) == [2, 4]


def _finished_before(trial: Trial, trials: tuple[Trial, ...], epoch: int) -> list[float]:
    """Accuracies at an epoch of the finished trials of earlier rounds."""
    return [
        other.judged[epoch]
        for other in trials
        if other.round < trial.round and other.state == "done"
    ]


def test_killed_while_proposing_it_makes_the_same_proposals(searched: Path, tmp_path: Path) -> None:
    tune, small = make_tune(), make_tune(per_round=3)
    with open_store(tmp_path) as store, store.optuna_storage() as storage:
        for number in range(tune.rounds):
            search = Search(tune, storage, NAME)
            if number in (0, 2):
                # Three of the round's five trials, and one that has no parameters yet.
                assert len(Search(small, storage, NAME).round(number)) == 3
                optuna.load_study(study_name=NAME, storage=storage).ask()
                search = Search(tune, storage, NAME)
            trials = search.round(number)
            assert Search(tune, storage, NAME).round(number) == trials
            run_trials(Search(tune, storage, NAME), trials)
        results = results_of(Search(tune, storage, NAME))
    assert results == _expected(searched, tune)


@pytest.mark.parametrize("killed_while", ["judging", "finishing"])
def test_killed_in_a_round_it_continues_with_the_same_trials(
    searched: Path, tmp_path: Path, killed_while: str
) -> None:
    tune = make_tune()
    with open_search(tmp_path, tune) as open_again:
        for number in range(tune.rounds):
            search = open_again()  # a new process with a new sampler for each round
            trials = search.round(number)
            assert open_again().round(number) == trials
            if killed_while == "judging":
                accuracies = {trial.number: accuracy_at(trial.setting, 2) for trial in trials}
                assert search.judge(2, accuracies) == open_again().judge(2, accuracies)
            elif number == 0:
                first = trials[0]
                judged = {epoch: accuracy_at(first.setting, epoch) for epoch in (2, 4)}
                search.finish(first.number, final_accuracy(first.setting), judged)
                trials = open_again().round(number)
            run_trials(open_again(), trials)
        results = results_of(open_again())
    assert results == _expected(searched, tune)


def _expected(searched: Path, tune: TuneSpec) -> list[tuple[object, ...]]:
    """Results of the search that was not interrupted."""
    with open_search(searched, tune) as open_again:
        return results_of(open_again())


def test_no_trial_is_pruned_if_the_spec_says_so(tmp_path: Path) -> None:
    tune = make_tune(prune=False, trials=10)
    with open_search(tmp_path, tune) as open_again:
        for number in range(tune.rounds):
            run_trials(open_again(), open_again().round(number))
        assert {trial.state for trial in open_again().trials} == {"done"}


def test_another_sampler_seed_proposes_other_settings(tmp_path: Path, searched: Path) -> None:
    with open_search(tmp_path, make_tune(sampler_seed=1)) as open_again:
        proposed = {trial.setting for trial in open_again().round(0)}
    with open_search(searched, make_tune()) as open_again:
        assert not proposed & {trial.setting for trial in open_again().trials}


def test_importances_use_all_ended_trials_and_are_sorted(searched: Path) -> None:
    with open_store(searched) as store, store.optuna_storage() as storage:
        importances = importances_of(make_tune(), storage, NAME)
        assert importances is not None
        assert importances.trials == 20 >= ENOUGH
        shares = importances.shares
        assert sum(shares.values()) == pytest.approx(1)
        assert min(shares, key=shares.__getitem__) == "lambda"
        assert list(shares.values()) == sorted(shares.values(), reverse=True)
        assert importances_of(make_tune(), storage, "missing") is None
        assert trials_of(make_tune(), storage, "missing") == ()


def test_too_few_trials_have_no_importances(tmp_path: Path) -> None:
    tune = make_tune(trials=ENOUGH - 1, per_round=ENOUGH - 1)
    with open_store(tmp_path) as store, store.optuna_storage() as storage:
        search = Search(tune, storage, NAME)
        run_trials(search, search.round(0))
        assert importances_of(tune, storage, NAME) is None


def test_optuna_prints_nothing(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    with open_search(tmp_path, make_tune(trials=5)) as open_again:
        run_trials(open_again(), open_again().round(0))
    assert capfd.readouterr() == ("", "")
    assert logging.getLogger("optuna").propagate

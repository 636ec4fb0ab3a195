"""The search by Optuna, in the store's database: which settings to try, which trials to stop.

**Sampler.** TPE (Bergstra et al. 2011, Algorithms for Hyper-Parameter Optimization), all
parameters at once. Running trials count as bad ones (*constant liar*), so that the settings of a
round differ from each other. Each round has its own sampler, seeded by the tuning's seed and the
round's number: proposals depend on the results so far, and not on whether the process was restarted
in between.

**Pruner.** The median rule (Golovin et al. 2017, Google Vizier): at a third and at two thirds of
its epochs a trial is stopped if it has never reached the median of the finished trials at that
epoch. Successive halving and Hyperband do not fit here: the trials of a round train side by side
and reach an epoch at the same time, so that halving would depend on the order of the questions. The
median is of earlier rounds only: the decisions of a round do not depend on each other, and are the
same when a round is trained again after a crash. No trial of the first round is stopped. Schedules
that change the learning rate do no harm, because trials are compared at the same epoch.

Running trials are judged by the first of the search's seeds, finished ones by the mean over all
seeds. All figures are validation accuracies, shares of 1.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from tsexplorer.studies.student_stages import Cell
from tsexplorer.studies.tuning.spec import ParameterName, TuneSpec

if TYPE_CHECKING:
    from optuna import Study
    from optuna.distributions import FloatDistribution
    from optuna.storages import RDBStorage
    from optuna.trial import FrozenTrial

TrialState = Literal["running", "pruned", "done"]
ROUND = "round"
LOGARITHMIC: tuple[ParameterName, ...] = ("temperature", "learning_rate")
ENDED_BEFORE_PRUNING = 4
"""Trials that must have finished before any is stopped."""
RANDOM_FIRST = 10
"""Trials drawn at random at the beginning."""
ENOUGH = 16
"""Finished or stopped trials below which importances are mostly chance."""
TOP = 0.25
"""Importances compare the best trials, this share of all, with all trials."""


@dataclass(frozen=True)
class Trial:
    """A setting that was tried.

    Attributes:
        number: from 0, in the order of the proposals.
        round: from 0.
        setting: T, λ and learning rate.
        state: ``running`` includes waiting trials.
        accuracy: mean validation accuracy over the search's seeds; for a pruned trial, that of the
            last judgement; None before it is known.
        judged: accuracy by epoch at which the trial was judged.
    """

    number: int
    round: int
    setting: Cell
    state: TrialState
    accuracy: float | None
    judged: Mapping[int, float]


@dataclass(frozen=True)
class Importances:
    """How much each parameter distinguishes the best trials.

    Attributes:
        shares: of 1, by parameter, the largest first.
        trials: how many trials they are computed from, with pruned ones.
    """

    shares: Mapping[ParameterName, float]
    trials: int


class Search:
    """The search of one tuning; used by the process that runs its job."""

    def __init__(self, tune: TuneSpec, storage: RDBStorage, name: str) -> None:
        """Create a search, or continue an existing one.

        Args:
            tune: what is searched.
            storage: of the store.
            name: of the search, unique.
        """
        import optuna

        self._tune, self._storage = tune, storage
        self._study = optuna.create_study(
            study_name=name, storage=storage, direction="maximize", load_if_exists=True
        )
        self._pruner = optuna.pruners.MedianPruner(
            n_startup_trials=ENDED_BEFORE_PRUNING, n_warmup_steps=0
        )

    @property
    def trials(self) -> tuple[Trial, ...]:
        """All trials, in the order of the proposals."""
        return read(self._tune, self._study)

    def round(self, number: int) -> tuple[Trial, ...]:
        """The trials of a round: those proposed before, else new ones."""
        trials = self._proposed(number)
        size = self._tune.round_size(number)
        if len(trials) < size:
            self._forget(number)  # a killed process proposed only some of them
            self._propose(number, size)
            trials = self._proposed(number)
        return trials

    def judge(self, epoch: int, accuracies: Mapping[int, float]) -> set[int]:
        """Which trials are stopped after an epoch; the answer is the same when asked again.

        Args:
            epoch: from 1.
            accuracies: on validation, of the search's first seed, by the trial's number.
        """
        if epoch not in self._tune.pruning_epochs:
            return set()
        known = self._study.get_trials()
        return {
            number
            for number, accuracy in accuracies.items()
            if self._is_stopped(known[number], epoch, accuracy)
        }

    def finish(self, trial: int, accuracy: float, judged: Mapping[int, float]) -> None:
        """Report a finished trial; a second report of a trial is ignored.

        Args:
            trial: its number.
            accuracy: mean over the search's seeds, of the kept weights.
            judged: accuracy of the first seed by epoch, all of them.
        """
        frozen = self._study.get_trials(deepcopy=False)[trial]
        if frozen.state.is_finished():
            return
        for epoch in self._tune.pruning_epochs:
            if epoch in judged:  # early stopping may have come first
                self._report(frozen, epoch, judged[epoch])
        self._study.tell(trial, accuracy)

    def _is_stopped(self, trial: FrozenTrial, epoch: int, accuracy: float) -> bool:
        if trial.state.is_finished():
            return trial.state.name == "PRUNED" and epoch >= (trial.last_step or 0)
        self._report(trial, epoch, accuracy)
        trial.intermediate_values.setdefault(epoch, accuracy)
        if not self._pruner.prune(self._study, trial):
            return False
        from optuna.trial import TrialState as State

        self._study.tell(trial.number, state=State.PRUNED)
        return True

    def _proposed(self, number: int) -> tuple[Trial, ...]:
        return tuple(one for one in self.trials if one.round == number)

    def _propose(self, number: int, size: int) -> None:
        from optuna.samplers import TPESampler

        own = self._tune.sampler_seed * 1_000_003 + number
        self._study.sampler = TPESampler(
            seed=own % 2**32,
            n_startup_trials=RANDOM_FIRST,
            multivariate=True,
            constant_liar=True,
        )
        space: dict[str, Any] = {
            name: _distribution(name, ends) for name, ends in self._tune.open.items()
        }
        for _ in range(size):
            self._study.ask(space).set_user_attr(ROUND, number)

    def _forget(self, number: int) -> None:
        """Discard unfinished trials of this round, or of no round."""
        from optuna.trial import TrialState as State

        for one in self._study.get_trials(deepcopy=False):
            if not one.state.is_finished() and one.user_attrs.get(ROUND, number) == number:
                self._study.tell(one.number, state=State.FAIL)

    def _report(self, trial: FrozenTrial, epoch: int, accuracy: float) -> None:
        if epoch not in trial.intermediate_values:
            study = self._storage.get_study_id_from_name(self._study.study_name)
            trial_id = self._storage.get_trial_id_from_study_id_trial_number(study, trial.number)
            self._storage.set_trial_intermediate_value(trial_id, epoch, accuracy)


def trials_of(tune: TuneSpec, storage: RDBStorage, name: str) -> tuple[Trial, ...]:
    """The trials of a search; none if it does not exist."""
    study = _found(storage, name)
    return () if study is None else read(tune, study)


def importances_of(tune: TuneSpec, storage: RDBStorage, name: str) -> Importances | None:
    """Importances of the parameters by PED-ANOVA; None with too few trials or one parameter.

    PED-ANOVA (Watanabe et al. 2023, IJCAI) compares the distribution of a parameter among the
    best quarter of the trials with that among all trials. Only the ranks of trials count, so that
    pruned trials take part as worse than all finished ones.
    """
    study = _found(storage, name)
    if study is None or len(tune.open) < 2:
        return None
    over = _ranked(study)
    if len(over.trials) < ENOUGH:
        return None
    from optuna.importance import PedAnovaImportanceEvaluator, get_param_importances

    evaluator = PedAnovaImportanceEvaluator(target_quantile=TOP)
    found = get_param_importances(over, evaluator=evaluator)
    known = {name: found[name] for name in tune.open}
    return Importances(dict(sorted(known.items(), key=lambda one: -one[1])), len(over.trials))


def read(tune: TuneSpec, study: Study) -> tuple[Trial, ...]:
    """The trials of an Optuna study, without discarded ones."""
    return tuple(
        _trial(tune, one)
        for one in study.get_trials(deepcopy=False)
        if ROUND in one.user_attrs and one.state.name != "FAIL"
    )


def _ranked(study: Study) -> Study:
    """An in-memory study of finished and pruned trials, with pruned ones ranked last."""
    import optuna

    copy = optuna.create_study(direction="maximize")
    for one in study.get_trials(deepcopy=False):
        if one.state.name in ("COMPLETE", "PRUNED") and one.value is not None:
            worth = one.value if one.state.name == "COMPLETE" else one.value - 1
            copy.add_trial(
                optuna.trial.create_trial(
                    params=one.params, distributions=one.distributions, value=worth
                )
            )
    return copy


def _found(storage: RDBStorage, name: str) -> Study | None:
    import optuna

    try:
        return optuna.load_study(study_name=name, storage=storage)
    except KeyError:
        return None


def _trial(tune: TuneSpec, one: FrozenTrial) -> Trial:
    states: dict[str, TrialState] = {"COMPLETE": "done", "PRUNED": "pruned"}
    judged = one.intermediate_values
    last = judged[max(judged)] if judged else None
    return Trial(
        number=one.number,
        round=one.user_attrs[ROUND],
        setting=tune.setting(one.params),
        state=states.get(one.state.name, "running"),
        accuracy=one.value if one.value is not None else last,
        judged=dict(judged),
    )


def _distribution(name: ParameterName, ends: tuple[float, float]) -> FloatDistribution:
    from optuna.distributions import FloatDistribution

    return FloatDistribution(*ends, log=name in LOGARITHMIC)

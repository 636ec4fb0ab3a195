"""Which setting next, and which to give up: Optuna, asked and told, in the store's database.

**Sampler.** TPE (Bergstra et al. 2011, Algorithms for Hyper-Parameter Optimization), all
parameters at once. Trials that are under way count as bad ones (*constant liar*), so that the
settings of a round keep away from each other. Each round has a sampler of its own, seeded by the
tuning's seed and the round's number: what is asked depends on what was told before, and not on
whether the process that asks was started anew in between.

**Pruner.** The median rule (Golovin et al. 2017, Google Vizier): at a third and at two thirds of
its epochs a trial is given up if it has never been as good as the median of the trials that ended,
at that epoch. Why this one and not successive halving or Hyperband: the trials of a round train
side by side and come to an epoch at the same moment. Halving would judge them in the order in which
they are asked about, the first against nobody; the median is of earlier rounds alone, so that the
verdicts of a round do not depend on each other, and are the same when a round is trained again
after a crash. The first round is nobody's victim, and a schedule that changes the rate on the way
is fair, since a trial is held against others at the same epoch.

Trials are judged on their way by the first of the search's seeds, and in the end by the mean over
all of them. Everything is validation accuracy, a share of 1.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from tsexplorer.studies.sweep.spec import Cell
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
"""Trials that must have ended before any is given up."""
RANDOM_FIRST = 10
"""Trials that are drawn at random before the search has anything to go by."""
ENOUGH = 16
"""Trials that must be over before importances are more than chance."""
TOP = 0.25
"""Importances say what sets this share of the trials apart from the rest."""


@dataclass(frozen=True)
class Trial:
    """A setting that was tried.

    Attributes:
        number: from 0, in the order of asking.
        round: in which it was asked, from 0.
        setting: T, lambda and learning rate.
        state: running also stands for waiting.
        accuracy: mean of validation over the search's seeds; of a pruned trial the last that it
            was judged by; None before it is known.
        judged: accuracy by epoch, where it was judged on its way.
    """

    number: int
    round: int
    setting: Cell
    state: TrialState
    accuracy: float | None
    judged: Mapping[int, float]


@dataclass(frozen=True)
class Importances:
    """How much each parameter has to do with being among the best trials.

    Attributes:
        shares: of 1, by parameter, the largest first.
        trials: how many they are of: those that are over, pruned ones among them.
    """

    shares: Mapping[ParameterName, float]
    trials: int


class Search:
    """One tuning's search; whoever has its job asks and tells, anybody may look."""

    def __init__(self, tune: TuneSpec, storage: RDBStorage, name: str) -> None:
        """Begin a search, or go on with it.

        Args:
            tune: what is searched.
            storage: of the store.
            name: of the search, one among all.
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
        """All settings asked for, in that order."""
        return read(self._tune, self._study)

    def round(self, number: int) -> tuple[Trial, ...]:
        """The trials of a round: as they were asked before, else asked now."""
        asked = self._asked(number)
        size = self._tune.round_size(number)
        if len(asked) < size:
            self._forget(number)  # whoever asked did not come to the end
            self._ask(number, size)
            asked = self._asked(number)
        return asked

    def judge(self, epoch: int, accuracies: Mapping[int, float]) -> set[int]:
        """Which trials are given up after an epoch; the same ones however often it is asked.

        Args:
            epoch: from 1.
            accuracies: on validation, of the search's first seed, by the trial's number.
        """
        if epoch not in self._tune.looks:
            return set()
        known = self._study.get_trials()
        return {
            number
            for number, accuracy in accuracies.items()
            if self._gives_up(known[number], epoch, accuracy)
        }

    def finish(self, trial: int, accuracy: float, judged: Mapping[int, float]) -> None:
        """A trial has come to its end; once it is over, later words change nothing.

        Args:
            trial: its number.
            accuracy: mean over the search's seeds, of the kept weights.
            judged: accuracy of the first seed by epoch, all of them.
        """
        frozen = self._study.get_trials(deepcopy=False)[trial]
        if frozen.state.is_finished():
            return
        for epoch in self._tune.looks:
            if epoch in judged:  # early stopping may have come first
                self._report(frozen, epoch, judged[epoch])
        self._study.tell(trial, accuracy)

    def _gives_up(self, trial: FrozenTrial, epoch: int, accuracy: float) -> bool:
        if trial.state.is_finished():
            return trial.state.name == "PRUNED" and epoch >= (trial.last_step or 0)
        self._report(trial, epoch, accuracy)
        trial.intermediate_values.setdefault(epoch, accuracy)
        if not self._pruner.prune(self._study, trial):
            return False
        from optuna.trial import TrialState as State

        self._study.tell(trial.number, state=State.PRUNED)
        return True

    def _asked(self, number: int) -> tuple[Trial, ...]:
        return tuple(one for one in self.trials if one.round == number)

    def _ask(self, number: int, size: int) -> None:
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
        """Give up trials that wait, if they are of this round or of none."""
        from optuna.trial import TrialState as State

        for one in self._study.get_trials(deepcopy=False):
            if not one.state.is_finished() and one.user_attrs.get(ROUND, number) == number:
                self._study.tell(one.number, state=State.FAIL)

    def _report(self, trial: FrozenTrial, epoch: int, accuracy: float) -> None:
        if epoch not in trial.intermediate_values:
            self._storage.set_trial_intermediate_value(trial._trial_id, epoch, accuracy)


def trials_of(tune: TuneSpec, storage: RDBStorage, name: str) -> tuple[Trial, ...]:
    """The trials of a search, none before it began."""
    study = _found(storage, name)
    return () if study is None else read(tune, study)


def importances_of(tune: TuneSpec, storage: RDBStorage, name: str) -> Importances | None:
    """What the best trials have in common, by PED-ANOVA; None where too few are over.

    PED-ANOVA (Watanabe et al. 2023, IJCAI) holds the values of the best quarter of the trials
    against those of all: a parameter matters that is not spread alike in both. Only which trials
    are among the best counts, not by how much; so those that were pruned, of which no more is known
    than that they were behind, take part as worse than any that ended.
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
    """A study's trials, without those that were given up before they began."""
    return tuple(
        _trial(tune, one)
        for one in study.get_trials(deepcopy=False)
        if ROUND in one.user_attrs and one.state.name != "FAIL"
    )


def _ranked(study: Study) -> Study:
    """A study in memory of the trials that are over, pruned ones below the others."""
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

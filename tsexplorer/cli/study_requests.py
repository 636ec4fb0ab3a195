"""From the arguments of the commands for studies to their specs."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tsexplorer.cli.data import fetch_if_missing
from tsexplorer.cli.output import say
from tsexplorer.cli.requests import asked_for, asked_objective
from tsexplorer.cli.session import opened
from tsexplorer.errors import UserError
from tsexplorer.published.maps import get_finding
from tsexplorer.services import StudyCheck
from tsexplorer.specs import ExperimentSpec, ModelSpec, Spec, parse_spec, shorten
from tsexplorer.studies.kind import kind_of
from tsexplorer.studies.sweep.spec import SweepSpec
from tsexplorer.studies.tuning.spec import TuneSpec

MAX_NAME_LENGTH = 80


@dataclass(frozen=True)
class BaseRequest:
    """What the shared options say of a study's base experiment; None and empty: not given."""

    recipe: str | None = None
    data: str | None = None
    teacher: str | None = None
    student: str | None = None
    objective: str | None = None
    options: Sequence[str] = ()
    epochs: int | None = None

    def experiment(self) -> ExperimentSpec:
        """The recipe's experiment with what was given.

        Raises:
            UserError: a value is not allowed, or there is no such recipe.
        """
        return self.applied_to(asked_for(self.recipe, None, data=self.data))

    def applied_to(self, base: ExperimentSpec) -> ExperimentSpec:
        """An experiment with the nets, objective and epochs that were given.

        Raises:
            UserError: a value is not allowed.
        """
        changes: dict[str, Any] = {}
        if self.teacher is not None:
            changes["teacher"] = ModelSpec(name=self.teacher)
        if self.student is not None:
            changes["student"] = ModelSpec(name=self.student)
        changes["objective"] = asked_objective(base.objective, self.objective, self.options)
        if self.epochs is not None:
            changes["distilled_train"] = dict(base.distilled_train) | {"epochs": self.epochs}
        return parse_spec(ExperimentSpec, dict(base) | changes)


def train_study(
    spec: Spec,
    name: str | None,
    usual_name: str,
    describe: Callable[[StudyCheck[Any]], str],
    *,
    json: bool,
    cluster: str | None = None,
) -> None:
    """Check a study, fetch its data, train it in the foreground, and print its results.

    Args:
        spec: of the study.
        name: to keep it under; None: the usual name, with a number if it is taken.
        usual_name: for a study without a name.
        describe: returns a sentence that says how much is trained.
        json: whether to print one JSON document.
        cluster: where students train; None for TSEXPLORER_CLUSTER.

    Raises:
        UserError: it cannot be trained.
        Ending: it was not trained to its end.
    """
    with opened() as service:
        service.studies.cluster_address(cluster)
        checked = service.studies.check(spec)
        for remark in checked.remarks:
            say(remark)
        fetch_if_missing(service, kind_of(spec).base(spec).data.name)
        chosen = name or service.studies.free_name(spec, usual_name[:MAX_NAME_LENGTH])
        say(describe(checked))

        from tsexplorer.cli.study_shell import see_study_through

        see_study_through(
            service, lambda: service.studies.enqueue(checked, chosen, cluster), json=json
        )


def sweep_spec(
    base: BaseRequest,
    *,
    temperatures: str | None,
    lambdas: str | None,
    learning_rates: str | None,
    seeds: int | None,
    finding: str | None = None,
) -> SweepSpec:
    """The grid; what is not given is taken from the ready-made map, or the recipe and the defaults.

    Raises:
        UserError: a value is no number or not allowed, the grid is empty, there is no such recipe,
            map, objective or option, or both recipe and map are given.
    """
    start = _start(finding, base)
    texts = {"temperatures": temperatures, "lambdas": lambdas, "learning_rates": learning_rates}
    values = _parsed(numbers, texts)
    if seeds is not None:
        values["seeds"] = tuple(range(seeds))
    changed = base.applied_to(start.base)
    return parse_spec(SweepSpec, dict(start) | {"base": changed} | values)


def tune_spec(
    base: BaseRequest,
    *,
    temperatures: str | None,
    lambdas: str | None,
    learning_rates: str | None,
    trials: int,
    rounds: int,
    **settings: int | bool,
) -> TuneSpec:
    """The search; what is not given is taken from the recipe and the defaults.

    Raises:
        UserError: a value is no number or not allowed, nothing is left to search, or there is no
            such recipe.
    """
    texts = {"temperatures": temperatures, "lambdas": lambdas, "learning_rates": learning_rates}
    values: dict[str, Any] = {
        "base": base.experiment(),
        "trials": trials,
        "per_round": -(-trials // rounds),
        **settings,
        **_parsed(ends, texts),
    }
    return parse_spec(TuneSpec, values)


def _parsed(
    parse: Callable[[str, str], tuple[float, ...]], texts: Mapping[str, str | None]
) -> dict[str, Any]:
    return {name: parse(name, text) for name, text in texts.items() if text is not None}


def _start(finding: str | None, base: BaseRequest) -> SweepSpec:
    """The grid before anything but the data is changed."""
    if finding is None:
        return SweepSpec(base=asked_for(base.recipe, None, data=base.data))
    if base.recipe is not None:
        raise UserError("Give the name of a recipe or of a finding, not both.")
    spec = get_finding(finding).spec
    if base.data is None:
        return spec
    data = spec.base.data.model_copy(update={"name": base.data})
    return spec.model_copy(update={"base": spec.base.model_copy(update={"data": data})})


def numbers(name: str, text: str) -> tuple[float, ...]:
    """Numbers separated by commas or blanks.

    Raises:
        UserError: one of them is no number.

    >>> numbers("lambdas", "0, 0.5,1")
    (0.0, 0.5, 1.0)
    """
    values = []
    for word in text.replace(",", " ").split():
        try:
            values.append(float(word))
        except ValueError:
            raise UserError(
                f"{name.replace('_', '-')}: {shorten(word)} is not a number; write numbers with "
                "commas between, as in 1,2,4."
            ) from None
    return tuple(values)


def ends(name: str, text: str) -> tuple[float, float]:
    """Both ends of a range; a single number is both ends.

    Raises:
        UserError: there are more than two numbers or none, or one is no number.

    >>> ends("lambdas", "0, 0.5"), ends("lambdas", "0.3")
    ((0.0, 0.5), (0.3, 0.3))
    """
    values = numbers(name, text)
    if len(values) not in (1, 2):
        raise UserError(
            f"{name.replace('_', '-')}: write the lower and the upper end, as in 1,8, or one "
            "number to keep it fixed."
        )
    return values[0], values[-1]

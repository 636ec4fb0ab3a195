"""Options that commands share, and the experiments that they describe."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields
from functools import wraps
from pathlib import Path
from typing import Annotated, Any, get_type_hints

import typer

from tsexplorer.data.registry import add_data_folder, find_dataset, get_dataset
from tsexplorer.data.subsets import format_class_names, parse_classes
from tsexplorer.errors import UserError, shorten
from tsexplorer.objectives import get_objective
from tsexplorer.objectives.base import format_number, format_scalar
from tsexplorer.recipes import get_recipe
from tsexplorer.settings import get_settings
from tsexplorer.specs import ExperimentSpec, ModelSpec, ObjectiveSpec, parse_spec

DEFAULT_RECIPE = "quick"
MAX_NAME_LENGTH = 80

Data = Annotated[
    str | None,
    typer.Option("--data", metavar="D", help="Dataset; the datasets command lists them."),
]
ObjectiveName = Annotated[
    str | None,
    typer.Option("--objective", metavar="O", help="Objective; the objectives command lists them."),
]
ObjectiveOptions = Annotated[
    list[str] | None,
    typer.Option(
        "--option",
        metavar="NAME=VALUE",
        help="An option of the objective; may be repeated.",
        show_default=False,
    ),
]
Name = Annotated[
    str | None,
    typer.Option("--name", metavar="X", help="Store it under this name.", show_default=False),
]


@dataclass(frozen=True)
class BaseOptions:
    """Options of a study's base experiment; None: not given."""

    teacher: Annotated[
        str | None,
        typer.Option("--teacher", metavar="NET", help="Teacher; the models command lists nets."),
    ] = None
    student: Annotated[
        str | None,
        typer.Option("--student", metavar="NET", help="Student; the models command lists nets."),
    ] = None
    data: Data = None
    objective: ObjectiveName = None
    options: ObjectiveOptions = None
    temperature: Annotated[
        float | None,
        typer.Option("--temperature", metavar="T", help="Temperature of soft targets."),
    ] = None
    lam: Annotated[
        float | None,
        typer.Option("--lambda", metavar="λ", help="Weight of the labels, from 0 to 1."),
    ] = None
    epochs: Annotated[
        int | None, typer.Option("--epochs", metavar="N", min=1, help="Epochs of each student.")
    ] = None
    learning_rate: Annotated[
        float | None,
        typer.Option("--learning-rate", metavar="R", help="Learning rate of each student."),
    ] = None
    batch_size: Annotated[
        int | None,
        typer.Option("--batch-size", metavar="N", min=1, help="Batch size of each student."),
    ] = None
    label_share: Annotated[
        float | None,
        typer.Option(
            "--label-share",
            metavar="S",
            help="Share of the labels that baseline and student get, as in 0.01; soft targets "
            "teach on all images.",
        ),
    ] = None
    recipe: Annotated[
        str | None,
        typer.Option(
            "--recipe",
            metavar="R",
            help=f"Everything not given is taken from this recipe; default: {DEFAULT_RECIPE}.",
        ),
    ] = None

    def recipe_experiment(self) -> ExperimentSpec:
        """The recipe's experiment on the given dataset.

        Raises:
            UserError: the recipe or the dataset does not exist.
        """
        spec = get_recipe(self.recipe or DEFAULT_RECIPE).spec
        if self.data is None:
            return spec
        name = requested_dataset(self.data)
        return spec.model_copy(update={"data": spec.data.model_copy(update={"name": name})})

    def experiment(self) -> ExperimentSpec:
        """The recipe's experiment with the values that were given.

        Raises:
            UserError: a value is not allowed, or the recipe does not exist.
        """
        return self.apply_to(self.recipe_experiment())

    def apply_to(self, base: ExperimentSpec) -> ExperimentSpec:
        """An experiment with the nets, the objective and the training that were given.

        Raises:
            UserError: a value is not allowed.
        """
        return parse_spec(ExperimentSpec, dict(base) | self.changes(base)[0])

    def changes(self, base: ExperimentSpec) -> tuple[dict[str, Any], list[str]]:
        """The fields of an experiment that differ, and a phrase for each.

        Raises:
            UserError: a name is unknown or a value is not allowed.
        """
        fields: dict[str, Any] = {}
        phrases: list[str] = []
        if self.data is not None:
            name = requested_dataset(self.data)
            if name != base.data.name:
                fields["data"] = base.data.model_copy(update={"name": name})
                phrases.append(self.data)
        for role in ("teacher", "student"):
            name = getattr(self, role)
            if name is not None and ModelSpec(name=name) != getattr(base, role):
                fields[role] = ModelSpec(name=name)
                phrases.append(name)
        objective = self._objective(base.objective)
        if objective != base.objective:
            fields["objective"] = objective
            phrases += _objective_phrases(base.objective, objective)
        training = {
            "epochs": self.epochs,
            "learning_rate": self.learning_rate,
            "batch_size": self.batch_size,
        }
        given = {name: value for name, value in training.items() if value is not None}
        if given:
            for stage in ("baseline_train", "distilled_train"):
                fields[stage] = dict(getattr(base, stage)) | given
            phrases += [f"{name.replace('_', ' ')} {value:g}" for name, value in given.items()]
        if self.label_share is not None and self.label_share != base.label_share:
            fields["label_share"] = self.label_share
            phrases.append(f"{100 * self.label_share:g} % of the labels")
        return fields, phrases

    @property
    def fixed_axes(self) -> dict[str, float]:
        """T, lambda and learning rate as axes with a single value, of those that were given."""
        values = {
            "temperatures": self.temperature,
            "lambdas": self.lam,
            "learning_rates": self.learning_rate,
        }
        return {axis: value for axis, value in values.items() if value is not None}

    def _objective(self, base: ObjectiveSpec) -> ObjectiveSpec:
        spec = requested_objective(base, self.objective, self.options or ())
        if self.temperature is None and self.lam is None:
            return spec
        temperature = spec.temperature if self.temperature is None else self.temperature
        lam = spec.lam if self.lam is None else self.lam
        changed = dict(spec) | {"temperature": temperature, "lam": lam}
        return parse_spec(ObjectiveSpec, changed)


NO_OPTIONS = BaseOptions()


def with_base_options(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command the fields of :class:`BaseOptions` as options, in place of ``base``.

    Typer reads a command's options from its signature; the decorated command has one with a
    parameter for each field that the command does not have itself. The command is called with the
    object as its ``base``.
    """
    hints = get_type_hints(BaseOptions, include_extras=True)
    own = inspect.signature(command).parameters
    names = [field.name for field in fields(BaseOptions) if field.name not in own]
    keyword = inspect.Parameter.KEYWORD_ONLY
    base_parameters = [
        inspect.Parameter(name, keyword, default=None, annotation=hints[name]) for name in names
    ]
    signature = inspect.signature(command, eval_str=True)
    parameters: list[inspect.Parameter] = []
    for name, parameter in signature.parameters.items():
        parameters += base_parameters if name == "base" else [parameter.replace(kind=keyword)]

    @wraps(command)
    def command_with_options(**values: Any) -> None:
        base = BaseOptions(**{name: values.pop(name) for name in names})
        command(base=base, **values)

    command_with_options.__signature__ = signature.replace(  # type: ignore[attr-defined]
        parameters=parameters
    )
    return command_with_options


def requested_experiment(
    recipe: str | None,
    file: Path | None,
    base: BaseOptions = NO_OPTIONS,
    *,
    seeds: int | None = None,
    name: str | None = None,
    left_out: Sequence[str] = (),
) -> ExperimentSpec:
    """The experiment of a recipe or a file, with the changes that were given.

    A changed experiment is named after the original and the changes, as in "quick, mnist, 5 seeds".

    Args:
        recipe: name of the recipe; None: ``file``, or else the default recipe.
        file: JSON file of the experiment.
        base: nets, data, objective and training that were given; its recipe is not used.
        seeds: the number of seeds; they count from 0.
        name: name of the experiment.
        left_out: names of the classes that are excluded from the distilled student's training.

    Raises:
        UserError: a value is invalid, or both ``recipe`` and ``file`` are given.
    """
    if recipe is not None and file is not None:
        raise UserError("Give the name of a recipe or a spec file, not both.")
    spec = read_spec(file) if file is not None else get_recipe(recipe or DEFAULT_RECIPE).spec
    changes, phrases = base.changes(spec)
    if seeds is not None and tuple(range(seeds)) != spec.seeds:
        changes["seeds"] = range(seeds)
        phrases.append(f"{seeds} seed{'s' * (seeds != 1)}")
    if left_out:
        data = changes.get("data", spec.data)
        info = get_dataset(data.name).info
        changes["left_out"] = labels = parse_classes(info, left_out)
        phrases.append(f"without {format_class_names(info, labels)}")
    changes["name"] = _descriptive_name(spec.name, phrases) if name is None else name
    return parse_spec(ExperimentSpec, dict(spec) | changes)


def _objective_phrases(before: ObjectiveSpec, after: ObjectiveSpec) -> list[str]:
    """What distinguishes an objective from another one, for the name of an experiment."""
    phrases = []
    if after.name != before.name or after.options != before.options:
        phrases.append(after.name)
        phrases += [f"{key} {format_scalar(value)}" for key, value in after.options.items()]
    if after.temperature != before.temperature:
        phrases.append(f"T {format_number(after.temperature)}")
    if after.lam != before.lam:
        phrases.append(f"λ {format_number(after.lam)}")
    return phrases


def requested_dataset(key: str) -> str:
    """The name of a dataset; imported images can be given by their title.

    Raises:
        NotFoundError: there is no such dataset.
    """
    add_data_folder(get_settings().data_folder)
    return find_dataset(key).name


def requested_objective(
    spec: ObjectiveSpec, name: str | None, options: Sequence[str]
) -> ObjectiveSpec:
    """An objective with another name or other options, at the same T and lambda.

    Args:
        spec: the objective that is changed.
        name: name of the new objective; None: the same objective.
        options: options as in ``beta=2``.

    Raises:
        UserError: the objective or an option does not exist, or a value is not allowed.
    """
    if name is None and not options:
        return spec
    objective = get_objective(name or spec.name)
    known_options = {option.name: option for option in objective.options}
    values = dict(spec.options) if objective.name == spec.name else {}
    for text in options:
        key, equals_sign, value = text.partition("=")
        if not equals_sign:
            raise UserError(f"--option {shorten(text)}: write NAME=VALUE, as in beta=2.")
        values[key] = known_options[key].parse(value) if key in known_options else value
    return objective.make_spec(spec.temperature, spec.lam, values)


def read_spec(file: Path) -> ExperimentSpec:
    """Read an experiment from a JSON file; without a name it is named after the file.

    Raises:
        UserError: the file cannot be read, is not JSON, or is not an experiment.
    """
    try:
        text = file.read_text(encoding="utf-8-sig")
    except FileNotFoundError as error:
        raise UserError(f"There is no file {file}; check its name.") from error
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or "it is not UTF-8 text"
        raise UserError(f"The file {file} cannot be read ({reason}).") from error
    try:
        spec = parse_spec(ExperimentSpec, text)
    except UserError as error:
        raise UserError(f"{file}: {error}") from error
    if "name" in spec.model_fields_set:
        return spec
    return spec.model_copy(update={"name": file.stem[:MAX_NAME_LENGTH]})


def parse_numbers(name: str, text: str) -> tuple[float, ...]:
    """Parse numbers separated by commas or spaces.

    Args:
        name: of the option, for the message.
        text: value of the option.

    Raises:
        UserError: a part is not a number.

    >>> parse_numbers("lambdas", "0, 0.5,1")
    (0.0, 0.5, 1.0)
    """
    values = []
    for part in text.replace(",", " ").split():
        try:
            values.append(float(part))
        except ValueError:
            raise UserError(
                f"{name.replace('_', '-')}: {shorten(part)} is not a number; write numbers with "
                "commas between, as in 1,2,4."
            ) from None
    return tuple(values)


def parse_range(name: str, text: str) -> tuple[float, float]:
    """Parse the lower and the upper end of a range; a single number is both ends.

    Raises:
        UserError: there are more than two numbers or none, or a part is not a number.

    >>> parse_range("lambdas", "0, 0.5"), parse_range("lambdas", "0.3")
    ((0.0, 0.5), (0.3, 0.3))
    """
    values = parse_numbers(name, text)
    if len(values) not in (1, 2):
        raise UserError(
            f"{name.replace('_', '-')}: write the lower and the upper end, as in 1,8, or one "
            "number to keep it fixed."
        )
    return values[0], values[-1]


def _descriptive_name(name: str, descriptions: list[str]) -> str:
    """A name with the changes after it; a name that is too long is cut before the changes."""
    ending = "".join(f", {description}" for description in descriptions)
    return (name[: max(MAX_NAME_LENGTH - len(ending), 1)] + ending)[:MAX_NAME_LENGTH]

"""From the arguments of ``run`` to an experiment."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tsexplorer.data.class_subsets import format_class_names, parse_classes
from tsexplorer.data.registry import get_dataset
from tsexplorer.errors import UserError
from tsexplorer.objectives import get_objective
from tsexplorer.objectives.base import format_scalar
from tsexplorer.recipes import get_recipe
from tsexplorer.specs import ExperimentSpec, ObjectiveSpec, parse_spec, shorten

DEFAULT_RECIPE = "quick"
LONGEST_NAME = 80


def asked_for(
    recipe: str | None,
    file: Path | None,
    *,
    data: str | None = None,
    seeds: int | None = None,
    name: str | None = None,
    objective: str | None = None,
    options: Sequence[str] = (),
    left_out: Sequence[str] = (),
) -> ExperimentSpec:
    """The experiment of a recipe or a file, with other data, seeds and so on where they are given.

    These make another experiment, which is named after both, as in "quick, mnist, 5 seeds".

    Raises:
        UserError: there is no such recipe, file, objective, option or class, or it is no
            experiment.
    """
    if recipe is not None and file is not None:
        raise UserError("Give the name of a recipe or a spec file, not both.")
    spec = read_spec(file) if file is not None else get_recipe(recipe or DEFAULT_RECIPE).spec
    changes: dict[str, Any] = {}
    words = []
    if data is not None and data != spec.data.name:
        changes["data"] = spec.data.model_copy(update={"name": data})
        words.append(data)
    if seeds is not None and tuple(range(seeds)) != spec.seeds:
        changes["seeds"] = range(seeds)
        words.append(f"{seeds} seed{'s' * (seeds != 1)}")
    wanted = asked_objective(spec.objective, objective, options)
    if wanted != spec.objective:
        changes["objective"] = wanted
        words.append(wanted.name)
        words += [f"{key} {format_scalar(value)}" for key, value in wanted.options.items()]
    if left_out:
        info = get_dataset(data or spec.data.name).info
        changes["left_out"] = labels = parse_classes(info, left_out)
        words.append(f"without {format_class_names(info, labels)}")
    changes["name"] = _joined(spec.name, words) if name is None else name
    return parse_spec(ExperimentSpec, dict(spec) | changes)


def asked_objective(spec: ObjectiveSpec, name: str | None, options: Sequence[str]) -> ObjectiveSpec:
    """An objective, or another one at the same T and lambda, with options as in ``beta=2``.

    Raises:
        UserError: there is no such objective or option, or it has no such value.
    """
    if name is None and not options:
        return spec
    objective = get_objective(name or spec.name)
    known = {option.name: option for option in objective.options}
    values = dict(spec.options) if objective.name == spec.name else {}
    for text in options:
        key, sign, value = text.partition("=")
        if not sign:
            raise UserError(f"--option {shorten(text)}: write NAME=VALUE, as in beta=2.")
        values[key] = known[key].parse(value) if key in known else value
    return objective.make_spec(spec.temperature, spec.lam, values)


def read_spec(file: Path) -> ExperimentSpec:
    """An experiment from a JSON file; one that gives no name is named after the file.

    Raises:
        UserError: the file cannot be read, is not JSON, or is no experiment.
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
    return spec.model_copy(update={"name": file.stem[:LONGEST_NAME]})


def _joined(name: str, words: list[str]) -> str:
    return _cut(name, "".join(f", {word}" for word in words))


def _cut(name: str, ending: str) -> str:
    """A name with an ending, shortened before the ending, which is shortened only where it must."""
    return (name[: max(LONGEST_NAME - len(ending), 1)] + ending)[:LONGEST_NAME]

"""Parameters of objectives besides T and lambda, with the descriptions that forms display."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from tsexplorer.errors import UserError, shorten
from tsexplorer.specs import Scalar


@dataclass(frozen=True)
class Option:
    r"""A parameter of an objective.

    Attributes:
        name: key in ``ObjectiveSpec.options``.
        title: label in forms.
        default: value if the spec does not give one; its type is the type of the option. The hash
            of a stage excludes default values, so that a released default must never change.
        help: one sentence that explains the option.
        low: smallest allowed number.
        high: largest allowed number.
        choices: allowed strings; empty: any string, or the option is a number.
        layer_of: whether the value names a layer of the student or of the teacher; an empty value
            then selects the default layer of the objective.
        symbol: LaTeX command in the formula that is replaced by the value, as in ``\beta``; empty:
            the option is not in the formula.
    """

    name: str
    title: str
    default: Scalar
    help: str
    low: float | None = None
    high: float | None = None
    choices: tuple[str, ...] = ()
    layer_of: Literal["student", "teacher"] | None = None
    symbol: str = ""

    def validate(self, value: Scalar) -> Scalar:
        """The value, converted to the type of the option.

        Raises:
            UserError: the type is wrong, or the value is not allowed.

        >>> Option("beta", "β", 8.0, "Weight.", low=0).validate(2)
        2.0
        """
        if isinstance(self.default, bool):
            return self._require_type(bool, value, "true or false")
        if isinstance(self.default, str):
            text = str(self._require_type(str, value, "a word"))
            if self.choices and text not in self.choices:
                raise self._error(value, f"be one of {', '.join(self.choices)}")
            return text
        if isinstance(self.default, int):
            return self._require_in_range(self._require_type(int, value, "a whole number"))
        if isinstance(value, int) and not isinstance(value, bool):
            value = float(value)
        return self._require_in_range(self._require_type(float, value, "a number"))

    def parse(self, text: str) -> Scalar:
        """The value that a text stands for, as in ``--option beta=2``.

        Raises:
            UserError: the text does not stand for an allowed value.

        >>> Option("beta", "β", 8.0, "Weight.", low=0).parse("2")
        2.0
        >>> Option("alone", "Alone", False, "Whether.").parse("true")
        True
        """
        if isinstance(self.default, bool):
            return self.validate({"true": True, "false": False}.get(text.lower(), text))
        if isinstance(self.default, str):
            return self.validate(text)
        convert = int if isinstance(self.default, int) else float
        try:
            value = convert(text)
        except ValueError:
            return self.validate(text)  # raises an error that states the required type
        return self.validate(value)

    def _require_type(self, kind: type[Scalar], value: Scalar, description: str) -> Scalar:
        if type(value) is not kind:
            raise self._error(value, f"be {description}")
        return value

    def _require_in_range(self, value: Scalar) -> Scalar:
        assert not isinstance(value, str)
        if not math.isfinite(value):
            raise self._error(value, "be a finite number")
        if self.low is not None and value < self.low:
            raise self._error(value, f"be at least {self.low:g}")
        if self.high is not None and value > self.high:
            raise self._error(value, f"be at most {self.high:g}")
        return value

    def _error(self, value: Scalar, requirement: str) -> UserError:
        return UserError(f"The option {self.name} must {requirement} (given: {shorten(value)}).")


def option_values(
    objective: str, options: tuple[Option, ...], given: Mapping[str, Scalar]
) -> dict[str, Scalar]:
    """Values of all options of an objective, given or default.

    Args:
        objective: name of the objective, for error messages.
        options: its options.
        given: values by name.

    Raises:
        UserError: a given option is unknown or has an invalid value.
    """
    by_name = {option.name: option for option in options}
    for name in given:
        if name not in by_name:
            remedy = f"choose among {', '.join(by_name)}" if by_name else "remove it"
            raise UserError(f"The objective {objective} has no option {shorten(name)}; {remedy}.")
    return {
        name: option.validate(given.get(name, option.default)) for name, option in by_name.items()
    }

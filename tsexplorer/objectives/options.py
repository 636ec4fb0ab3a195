"""Parameters of an objective besides T and lambda, described so that a form can ask for them."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from tsexplorer.errors import UserError
from tsexplorer.specs import Scalar, shorten


@dataclass(frozen=True)
class Option:
    r"""One parameter.

    Attributes:
        name: key in ``ObjectiveSpec.options``.
        title: as a form says it.
        default: in force where a spec is silent; its type is the option's. Once released it never
            changes, since a stage's hash leaves it out.
        help: a sentence that says what it does.
        low: least number allowed.
        high: largest number allowed.
        choices: words allowed; empty where any word is, or where it is a number.
        layer_of: the word is the name of a layer of this net; "" lets the objective choose.
        symbol: its LaTeX command in the formula, as in ``\beta``, where its number is put in;
            empty where it does not stand there.
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

    def checked(self, value: Scalar) -> Scalar:
        """The value in the option's own type.

        Raises:
            UserError: it is of another type, or out of bounds.

        >>> Option("beta", "β", 8.0, "Weight.", low=0).checked(2)
        2.0
        """
        if isinstance(self.default, bool):
            return self._of(bool, value, "true or false")
        if isinstance(self.default, str):
            word = str(self._of(str, value, "a word"))
            if self.choices and word not in self.choices:
                raise self._wrong(value, f"be one of {', '.join(self.choices)}")
            return word
        if isinstance(self.default, int):
            return self._bounded(self._of(int, value, "a whole number"))
        if isinstance(value, int) and not isinstance(value, bool):
            value = float(value)
        return self._bounded(self._of(float, value, "a number"))

    def read(self, text: str) -> Scalar:
        """The value that a text stands for, as in ``--option beta=2``.

        Raises:
            UserError: it stands for none of this option's.

        >>> Option("beta", "β", 8.0, "Weight.", low=0).read("2")
        2.0
        >>> Option("alone", "Alone", False, "Whether.").read("true")
        True
        """
        if isinstance(self.default, bool):
            return self.checked({"true": True, "false": False}.get(text.lower(), text))
        if isinstance(self.default, str):
            return self.checked(text)
        kind = int if isinstance(self.default, int) else float
        try:
            value = kind(text)
        except ValueError:
            return self.checked(text)  # says what it must be
        return self.checked(value)

    def _of(self, kind: type[Scalar], value: Scalar, words: str) -> Scalar:
        if type(value) is not kind:
            raise self._wrong(value, f"be {words}")
        return value

    def _bounded(self, value: Scalar) -> Scalar:
        assert not isinstance(value, str)
        if not math.isfinite(value):
            raise self._wrong(value, "be a finite number")
        if self.low is not None and value < self.low:
            raise self._wrong(value, f"be at least {self.low:g}")
        if self.high is not None and value > self.high:
            raise self._wrong(value, f"be at most {self.high:g}")
        return value

    def _wrong(self, value: Scalar, demand: str) -> UserError:
        return UserError(f"The option {self.name} must {demand} (given: {shorten(value)}).")


def settings(
    objective: str, options: tuple[Option, ...], given: Mapping[str, Scalar]
) -> dict[str, Scalar]:
    """All options of an objective with the values in force.

    Raises:
        UserError: one that is given is unknown, or has a wrong value.
    """
    known = {option.name: option for option in options}
    for name in given:
        if name not in known:
            remedy = f"choose among {', '.join(known)}" if known else "remove it"
            raise UserError(f"The objective {objective} has no option {shorten(name)}; {remedy}.")
    return {name: option.checked(given.get(name, option.default)) for name, option in known.items()}

"""Shortened class names, and the classes that figures show if there are many."""

from __future__ import annotations

import numpy as np
import pytest

from tsexplorer.plots.classes import (
    MAX_CLASSES,
    confused_classes,
    largest_classes,
    likeliest_classes,
    short_name,
    short_names,
)


@pytest.mark.parametrize(
    ("name", "short"),
    [
        ("Ankle boot", "Ankle boot"),
        ("fourteen chars", "fourteen chars"),
        ("fifteen letters", "fifteen lette…"),
        ("a name, then more", "a name, then…"),
        ("two\n lines", "two lines"),
        ("x" * 300, "x" * 13 + "…"),
        ("漢" * 7, "漢" * 7),
        ("漢" * 8, "漢" * 6 + "…"),
        ("🦊" * 20, "🦊" * 6 + "…"),
        ("abcdefghijkle\u0301fg", "abcdefghijkle\u0301f"[:12] + "…"),
        ("", ""),
    ],
)
def test_a_name_is_cut_to_14_characters(name: str, short: str) -> None:
    shown = short_name(name)
    assert shown == short or (len(name) > 14 and shown.endswith("…") and len(shown) <= 15)


def test_an_emoji_of_several_characters_is_not_cut() -> None:
    family = "👨\u200d👩\u200d👧\u200d👦"
    shown = short_name(f"a class {family}{family}")
    assert not shown.rstrip("…").endswith("\u200d")
    assert shown.startswith("a class")


def test_shortened_names_differ() -> None:
    names = [
        *(f"species of the north {number:03}" for number in range(100)),
        *(f"class {'x' * 50} {number} {'y' * 50}" for number in range(50)),
        *("a", "b", "漢" * 30, "漢" * 31, "漢" * 32),
    ]
    short = short_names(names)
    assert len(set(short)) == len(names)
    assert all(len(name) <= 16 for name in short)
    assert short[:2] == ("species…h 000", "species…h 001")
    assert short[150:152] == ("a", "b")


def test_nets_take_turns_with_their_likeliest_classes() -> None:
    teacher = np.array([0.0, 9.0, 8.0, 7.0, 6.0, 5.0])
    student = np.array([9.0, 0.0, 0.0, 0.0, 0.0, 8.0])
    assert likeliest_classes([teacher, student], 2) == [1, 0]
    assert likeliest_classes([teacher, student], 4) == [1, 2, 5, 0]
    assert likeliest_classes([teacher], 2, also=[0, 1]) == [1, 2, 0]
    assert likeliest_classes([teacher], 99) == [1, 2, 3, 4, 5, 0]


def test_the_choice_does_not_depend_on_t() -> None:
    nets = [np.random.default_rng(seed).normal(0, 8, 200) for seed in range(3)]
    softened = [np.exp((z - z.max()) / 20) for z in nets]
    assert likeliest_classes(nets, 10) == likeliest_classes(softened, 10)


def test_the_largest_are_in_the_order_of_their_numbers() -> None:
    assert largest_classes(np.array([1.0, np.nan, 5.0, 3.0]), 2) == [2, 3]
    assert largest_classes(np.arange(200.0)) == list(range(180, 200))


def test_classes_with_values_beside_the_diagonal_are_chosen() -> None:
    matrix = np.diag(np.full(40, 100.0))
    matrix[3, 7] = matrix[30, 3] = 2.0
    matrix[5, :] = np.nan
    assert confused_classes(matrix, count=3) == [3, 7, 30]
    assert confused_classes(-matrix, matrix, count=3) == [3, 7, 30]
    assert len(confused_classes(matrix)) == MAX_CLASSES
    assert confused_classes(np.eye(3)) == [0, 1, 2]

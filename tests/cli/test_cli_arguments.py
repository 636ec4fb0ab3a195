"""Invalid arguments and files: one line on standard error, exit code 2. Names of experiments."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import Result

from tests.cli.conftest import TOY, Shell, SpecFile
from tsexplorer.cli.requests import BaseOptions, requested_experiment
from tsexplorer.errors import UserError
from tsexplorer.recipes import get_recipe
from tsexplorer.services.service import Service
from tsexplorer.settings import get_settings
from tsexplorer.specs import ObjectiveSpec


def assert_refused(result: Result, *parts: str) -> None:
    """Assert exit code 2 and one line on standard error that contains all parts."""
    assert result.exit_code == 2
    assert result.stdout == ""
    assert result.stderr.count("\n") == 1
    assert result.stderr.endswith("\n")
    assert "Usage:" not in result.stderr
    assert "─" not in result.stderr
    for part in parts:
        assert part in result.stderr


@pytest.mark.parametrize(
    ("arguments", "parts"),
    [
        (["modles"], ["No such command 'modles'", "Did you mean 'models'?"]),
        (["models", "--clases", "3"], ["No such option: --clases", "--classes", "models --help"]),
        (["models", "--classes", "many"], ["--classes", "integer"]),
        (["models", "--classes", "1"], ["at least 2 classes"]),
        (["models", "wu-cnn"], ["wu-cnn", "models --help"]),
        (["run", "--objective", "dkt"], ["no objective called 'dkt'", "dkd"]),
        (["run", "--objective", "dkd", "--option", "beta"], ["'beta'", "NAME=VALUE"]),
        (["run", "--objective", "dkd", "--option", "beta=-1"], ["beta", "at least 0"]),
        (["run", "--objective", "dkd", "--option", "warm_up=2.5"], ["warm_up", "whole number"]),
        (["run", "--objective", "dkd", "--option", "betta=1"], ["no option 'betta'", "warm_up"]),
        (["run", "--option", "beta=1"], ["hinton has no option 'beta'"]),
        (["sweep", "--objective", "relational"], ["no T and λ", "dkd"]),
        (["sweep", "--objective", "dkd", "--option", "beta=much"], ["beta", "a number"]),
        (["run", "qiuck"], ["no recipe called 'qiuck'", "quick", "wu-2020"]),
        (["run", "--data", "minst"], ["no dataset called 'minst'", "mnist-5k"]),
        (["run", "--seeds", "0"], ["--seeds", "1"]),
        (["run", "--seeds", "101"], ["--seeds", "100"]),
        (["run", "--seeds", "two"], ["--seeds", "integer"]),
        (["run", "--seeds"], ["--seeds", "requires an argument"]),
        (["run", "--name", ""], ["name", "at least 1 character"]),
        (["run", "--name", "x" * 81], ["name", "at most 80 characters"]),
        (["run", "--spec", "no-such-file.json"], ["no file no-such-file.json"]),
        (["run", "quick", "--spec", "x.json"], ["not both"]),
        (["resume"], ["ID"]),
        (["resume", "7"], ["no job 7"]),
        (["resume", "quick"], ["ID", "integer"]),
        (["cancel", "7"], ["no job 7"]),
        (["delete", "nothing"], ['no study "nothing"']),
        (["delete", "demo"], ["demo", "cannot be deleted"]),
    ],
    ids=" ".join,
)
def test_invalid_argument_gives_one_sentence(
    shell: Shell, arguments: list[str], parts: list[str]
) -> None:
    assert_refused(shell(arguments[0], "--json", *arguments[1:]), *parts)


@pytest.mark.parametrize(
    ("changes", "parts"),
    [
        ({"objective": {"temperature": 0}}, ["objective.temperature", "greater than 0"]),
        ({"objective": {"temperature": -1}}, ["objective.temperature", "greater than 0"]),
        ({"objective": {"temperature": float("nan")}}, ["objective.temperature", "finite"]),
        ({"objective": {"lambda": 1.5}}, ["objective.lambda", "less than or equal to 1"]),
        ({"objective": {"name": "hintn"}}, ["no objective called 'hintn'"]),
        ({"teacher": {"name": "wu-cmm"}}, ["no net called 'wu-cmm'"]),
        ({"data": {"name": "minst"}}, ["no dataset called 'minst'"]),
        ({"seed": 3}, ["seed is not a known setting"]),
        ({"seeds": []}, ["seeds", "at least 1"]),
        ({"seeds": [1, 1]}, ["each seed may occur only once"]),
        ({"teacher_train": {"epochs": 0}}, ["teacher_train.epochs", "greater than or equal to 1"]),
        ({"baseline_train": {"batch_size": 4001}}, ["4,001", "4,000 training images"]),
        (
            {"student": {"name": "custom", "net": {"conv": [8, 8, 8, 8, 8]}}},
            ["below 1 pixel", "at most 4 convolution blocks"],
        ),
    ],
    ids=str,
)
def test_invalid_spec_gives_one_sentence(
    shell: Shell, spec_file: SpecFile, changes: dict[str, Any], parts: list[str]
) -> None:
    assert_refused(shell("run", "--spec", spec_file(**changes)), *parts)


@pytest.mark.parametrize(
    ("content", "parts"),
    [
        (b"", ["not JSON", "line 1"]),
        (b'{"seeds": [0],}', ["not JSON", "line 1"]),
        (b"[]", ["valid dictionary"]),
        (b'{"name": "caf\xe9"}', ["not UTF-8"]),
        (b"[" * 100_000, ["too deep"]),
        (b'{"seeds": [%s]}' % (b"1" * 5000), ["a number that is too long"]),
        (b'{"name": "\\ud800"}', ["name"]),
    ],
    ids=["empty", "comma", "list", "latin-1", "deep", "long", "surrogate"],
)
def test_invalid_file_gives_one_sentence(
    shell: Shell, tmp_path: Path, content: bytes, parts: list[str]
) -> None:
    file = tmp_path / "spec.json"
    file.write_bytes(content)
    assert_refused(shell("run", "--spec", str(file)), "spec.json", *parts)


def test_folder_instead_of_spec_file_gives_one_sentence(shell: Shell, tmp_path: Path) -> None:
    assert_refused(shell("run", "--spec", str(tmp_path)), "cannot be read", "directory")


def test_byte_order_mark_is_ignored(tmp_path: Path) -> None:
    file = tmp_path / "from-windows.json"
    file.write_text(json.dumps(TOY), encoding="utf-8-sig")
    assert requested_experiment(None, file).name == "from-windows"


def test_invalid_environment_variable_gives_one_sentence(
    shell: Shell, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TSEXPLORER_THREADS", "all")
    get_settings.cache_clear()
    assert_refused(shell("datasets"), "TSEXPLORER_THREADS", "'all'")


def test_damaged_store_gives_one_sentence(shell: Shell, home: Path) -> None:
    home.mkdir()
    (home / "store.sqlite3").write_text("not a database at all, but long enough for a header" * 99)
    assert_refused(shell("jobs", "--json"), "store.sqlite3", "damaged")


def test_refused_run_queues_no_job(shell: Shell, service: Service, spec_file: SpecFile) -> None:
    shell("run", "--spec", spec_file(baseline_train={"batch_size": 4001}))
    assert service.jobs() == ()


@pytest.mark.parametrize(
    ("arguments", "name", "seeds", "data"),
    [
        ({}, "quick", (0,), "mnist-5k"),
        ({"seeds": 1, "data": "mnist-5k"}, "quick", (0,), "mnist-5k"),
        ({"data": "mnist"}, "quick, mnist", (0,), "mnist"),
        ({"seeds": 3}, "quick, 3 seeds", (0, 1, 2), "mnist-5k"),
        ({"data": "mnist", "seeds": 5}, "quick, mnist, 5 seeds", (0, 1, 2, 3, 4), "mnist"),
        ({"seeds": 3, "name": "mine"}, "mine", (0, 1, 2), "mnist-5k"),
    ],
    ids=str,
)
def test_name_contains_changes_of_data_and_seeds(
    arguments: dict[str, Any], name: str, seeds: tuple[int, ...], data: str
) -> None:
    base = BaseOptions(data=arguments.pop("data", None))
    spec = requested_experiment(None, None, base, **arguments)
    assert (spec.name, spec.seeds, spec.data.name) == (name, seeds, data)
    unchanged = {"name", "seeds", "data"}
    assert spec.model_dump(exclude=unchanged) == get_recipe("quick").spec.model_dump(
        exclude=unchanged
    )


def test_classes_are_excluded_by_name() -> None:
    spec = requested_experiment(
        None, None, BaseOptions(data="fashion-mnist"), left_out=["coat", "1"]
    )
    assert spec.left_out == (1, 4)
    assert spec.name == "quick, fashion-mnist, without Coat and Trouser"
    with pytest.raises(
        UserError, match="the baseline was trained on all classes; exclude classes or start"
    ):
        requested_experiment("wu-2020", None, left_out=["3"])


def test_new_objective_keeps_t_and_lambda_and_takes_options() -> None:
    spec = requested_experiment(
        "quick", None, BaseOptions(objective="dkd", options=["beta=4", "warm_up=3"])
    )
    assert spec.name == "quick, dkd, beta 4"
    assert spec.objective == ObjectiveSpec(name="dkd", temperature=4, lam=0, options={"beta": 4.0})
    spec = requested_experiment(
        "quick", None, BaseOptions(objective="relational", options=["angle=0"])
    )
    assert (spec.objective.temperature, spec.objective.lam) == (1, 0)  # it uses neither
    assert requested_experiment("quick", None, BaseOptions(objective="hinton")) == (
        get_recipe("quick").spec
    )


def test_nets_loss_and_training_are_changed_and_named() -> None:
    base = BaseOptions(
        teacher="lenet-5",
        temperature=2.0,
        lam=0.1,
        epochs=3,
        learning_rate=0.01,
        batch_size=50,
        label_share=0.1,
    )
    spec = requested_experiment("quick", None, base, name=None)
    assert spec.name == (
        "q, lenet-5, T 2, λ 0.1, epochs 3, learning rate 0.01, batch size 50, 10 % of the"
    )
    assert (spec.teacher.name, spec.label_share) == ("lenet-5", 0.1)
    assert (spec.objective.temperature, spec.objective.lam) == (2.0, 0.1)
    for train in (spec.baseline_train, spec.distilled_train):
        assert (train.epochs, train.learning_rate, train.batch_size) == (3, 0.01, 50)
    assert spec.teacher_train == get_recipe("quick").spec.teacher_train


def test_other_dataset_keeps_the_scaling_of_the_recipe() -> None:
    spec = requested_experiment("wu-2020", None, BaseOptions(data="fashion-mnist"))
    assert (spec.data.name, spec.data.scaling) == ("fashion-mnist", "raw")


def test_spec_without_a_name_is_named_after_its_file(spec_file: SpecFile) -> None:
    assert requested_experiment(None, Path(spec_file("my nets"))).name == "my nets"
    assert requested_experiment(None, Path(spec_file("my nets", name="other"))).name == "other"


def test_long_name_is_cut_before_its_changes(spec_file: SpecFile) -> None:
    file = Path(spec_file("long", name="n" * 80))
    name = requested_experiment(None, file, seeds=5).name
    assert len(name) == 80
    assert name.endswith("n, 5 seeds")


def test_unknown_recipe_raises_a_sentence() -> None:
    with pytest.raises(UserError, match=r"^There is no recipe called 'slow'"):
        requested_experiment("slow", None)


def test_changes_that_are_too_long_for_a_name_are_cut() -> None:
    spec = requested_experiment(
        "quick",
        None,
        BaseOptions(
            data="fashion-mnist", objective="dkd", options=["alpha=2", "beta=3", "warm_up=4"]
        ),
        seeds=5,
        left_out=("Trouser", "Pullover", "Dress"),
    )
    assert spec.name.startswith("q, fashion-mnist, dkd, alpha 2, beta 3, ")
    assert len(spec.name) == 80
    assert spec.left_out == (1, 2, 3)

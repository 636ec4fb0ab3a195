"""Ready-made maps: the catalogue, the files of the package, writing and reading a file."""

from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner

from tests.examples import enqueue_study
from tests.jobs.experiment_examples import load_few
from tsexplorer.assets import FINDINGS, read_json
from tsexplorer.cli import app
from tsexplorer.data.base import ImageTask
from tsexplorer.errors import NotFoundError, UserError
from tsexplorer.models import count
from tsexplorer.planning import plan
from tsexplorer.published.__main__ import main
from tsexplorer.published.maps import (
    CATALOGUE,
    MAX_FILE_KILOBYTES,
    ReadyMap,
    get_ready_map,
    load_map,
    published_map_names,
    ready_map_names,
    write_map,
)
from tsexplorer.recipes import get_recipe
from tsexplorer.services.service import Service
from tsexplorer.specs import parse_spec
from tsexplorer.studies.sweep.spec import SweepSpec

FILES = sorted(FINDINGS.glob("*.json"))
TRY_OUT = (
    *("sweep", "--finding", "quick", "--temperatures", "1,4", "--lambdas", "0,1", "--seeds", "2"),
    *("--teacher", "hinton-narrow", "--student", "hinton-narrow", "--epochs", "1"),
)

each_entry = pytest.mark.parametrize("entry", CATALOGUE, ids=lambda entry: entry.name)
each_file = pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)


@pytest.fixture
def few_images(monkeypatch: pytest.MonkeyPatch) -> None:
    """Train on 120 images."""
    monkeypatch.setattr("tsexplorer.jobs.job_runner.load_splits", load_few)


# -- the catalogue ------------------------------------------------------------------------------


def test_names_are_unique_and_an_unknown_name_is_refused() -> None:
    names = ready_map_names()
    assert len(set(names)) == len(names) == len(CATALOGUE)
    with pytest.raises(NotFoundError) as caught:
        get_ready_map("quik")
    assert str(caught.value) == (
        f"There is no ready-made map called 'quik'; choose one of {', '.join(names)}."
    )


@each_entry
def test_each_spec_is_valid(entry: ReadyMap) -> None:
    """Specs are copied with changes, and pydantic does not validate a copy."""
    assert parse_spec(SweepSpec, entry.spec.to_json()) == entry.spec
    assert len(entry.spec.seeds) >= 3
    assert entry.lam is None or entry.lam in entry.spec.lambdas
    assert entry.question.endswith(("?", "."))


@each_entry
def test_the_teacher_is_that_of_a_recipe(entry: ReadyMap) -> None:
    recipe = "quick" if entry.name == "quick" else "best-64-plain"
    teacher = plan(get_recipe(recipe).spec)[0].spec
    assert [stage.hash for stage in entry.spec.prerequisites] == [teacher.hash]


@pytest.mark.parametrize(
    ("name", "parameters"), [("hinton-narrow", 24_790), ("hinton-300", 328_810)]
)
def test_hinton_students_have_two_layers_of_that_width(name: str, parameters: int) -> None:
    assert count(get_ready_map(name).spec.base.student, ImageTask(10)).parameters == parameters


# -- the files of the package -------------------------------------------------------------------


def test_each_file_belongs_to_an_entry() -> None:
    assert published_map_names()[0] == ready_map_names()[0]
    assert {file.stem for file in FILES} == set(published_map_names())


@each_file
def test_a_file_is_small_and_has_all_students_of_its_map(file: Path) -> None:
    assert file.stat().st_size < 1000 * MAX_FILE_KILOBYTES
    published = load_map(file.stem)
    results, spec = published.results, published.entry.spec
    assert results.sweep.spec == spec
    students = {student.hash for student in spec.students}
    assert results.done == set(results.scores) == set(results.epochs) == students
    assert [result.cell for result in results.map.cells] == list(spec.cells)
    assert all(result.agreement and result.ece for result in results.map.cells)
    assert published.entry.answer.endswith(".")
    assert published.machine
    assert published.seconds > 0


@each_file
def test_a_file_has_test_accuracy_of_the_chosen_cell_only(file: Path) -> None:
    results = load_map(file.stem).results
    spec, chosen = results.sweep.spec, results.chosen
    assert chosen is not None
    content = read_json(file)
    assert set(content["test_accuracy"]) == {
        spec.student(chosen.cell, seed).hash for seed in spec.seeds
    }
    assert chosen.test.seeds == len(spec.seeds)
    assert not any("test_accuracy" in student for student in content["students"].values())


# -- writing and reading a file -----------------------------------------------------------------


@pytest.mark.usefixtures("few_images")
def test_a_written_file_gives_back_the_results_of_the_store(
    service: Service, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    ended = CliRunner().invoke(app, TRY_OUT)
    assert ended.exit_code == 0, ended.output
    with pytest.raises(UserError, match="has another grid than the ready-made map quick"):
        main("maps", "quick")
    main("maps", "quick", str(tmp_path / "try-out"))
    assert capsys.readouterr().out == f"{tmp_path / 'try-out' / 'quick.json'}\n"

    stored = service.studies.results("quick map")
    published = load_map("quick", tmp_path / "try-out")
    for part in ("scores", "epochs", "done", "map", "chosen"):
        assert getattr(published.results, part) == getattr(stored, part), part
    assert published.results.sweep.spec == stored.sweep.spec
    assert (stored.sweep.nets, len(stored.map.cells)) == (7, 4)
    links = service.store.experiment("quick map").stages
    stages = {link.stage.hash: link.stage for link in links}
    teacher = stages[stored.sweep.spec.teacher(0).hash]
    assert published.teacher_test is not None
    assert published.teacher_test.mean == teacher.test_accuracy
    students = [stage for key, stage in stages.items() if key != teacher.hash]
    seconds = sum(stage.train_seconds or 0 for stage in students)
    assert published.seconds == pytest.approx(seconds, abs=0.05)
    assert published.machine == teacher.machine


def test_an_unfinished_map_is_not_written(service: Service, tmp_path: Path) -> None:
    command = "To train it: python -m tsexplorer sweep --finding mlp-64"
    with pytest.raises(UserError, match=f'"mlp-64 map" is not trained here. {command}'):
        write_map(service, "mlp-64", tmp_path)
    enqueue_study(service, get_ready_map("quick").spec, "quick map")
    with pytest.raises(UserError, match='"quick map" is not finished'):
        write_map(service, "quick", tmp_path)


def test_a_map_without_a_file_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="The map quick is not ready-made in this version"):
        load_map("quick", tmp_path)
    assert published_map_names(tmp_path) == ()


def test_a_recipe_and_a_ready_made_map_exclude_each_other() -> None:
    ended = CliRunner().invoke(app, ("sweep", "--finding", "quick", "--recipe", "quick"))
    assert ended.exit_code == 2
    assert ended.stderr == "Give --recipe or --finding, not both.\n"

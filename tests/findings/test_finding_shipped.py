"""Findings: what ships is whole and its catalogue's; a file gives back the figures of its store."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner

from tests.examples import enqueue_study
from tests.jobs.jobs_examples import load_few
from tsexplorer.assets import FINDINGS, read_json
from tsexplorer.cli import app
from tsexplorer.errors import NotFoundError, UserError
from tsexplorer.models import count
from tsexplorer.planning import plan
from tsexplorer.published.__main__ import main
from tsexplorer.published.maps import (
    CATALOGUE,
    KILOBYTES_AT_MOST,
    Finding,
    finding_names,
    get_finding,
    ship,
    shipped,
    shipped_names,
)
from tsexplorer.recipes import get_recipe
from tsexplorer.services.service import Service
from tsexplorer.settings import get_settings
from tsexplorer.specs import parse_spec
from tsexplorer.studies.sweep.spec import SweepSpec

FILES = sorted(FINDINGS.glob("*.json"))
TRY_OUT = (
    *("sweep", "--finding", "quick", "--temperatures", "1,4", "--lambdas", "0,1", "--seeds", "2"),
    *("--teacher", "hinton-narrow", "--student", "hinton-narrow", "--epochs", "1"),
)

names = pytest.mark.parametrize("finding", CATALOGUE, ids=lambda one: one.name)
files = pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)


@pytest.fixture
def few(monkeypatch: pytest.MonkeyPatch) -> None:
    """120 images to train on."""
    monkeypatch.setattr("tsexplorer.jobs.job_runner.load_splits", load_few)


@pytest.fixture
def service(settled: Path) -> Iterator[Service]:
    opened = Service(get_settings())
    yield opened
    opened.close()


# -- the catalogue ------------------------------------------------------------------------------


def test_names_are_known_and_used_once() -> None:
    assert len(set(finding_names())) == len(finding_names()) == len(CATALOGUE)
    with pytest.raises(NotFoundError) as caught:
        get_finding("quik")
    known = ", ".join(finding_names())
    assert str(caught.value) == f"There is no finding called 'quik'; choose one of {known}."


@names
def test_grids_stand_up_to_the_checks_that_a_file_meets(finding: Finding) -> None:
    """They copy specs with changes, which pydantic does not look over."""
    assert parse_spec(SweepSpec, finding.spec.to_json()) == finding.spec
    assert len(finding.spec.seeds) >= 3
    assert finding.lam is None or finding.lam in finding.spec.lambdas
    assert finding.asks.endswith(("?", "."))


@names
def test_the_teacher_is_that_of_the_demo_or_of_the_quick_start(finding: Finding) -> None:
    recipe = "quick" if finding.name == "quick" else "best-64-plain"
    teacher = plan(get_recipe(recipe).spec)[0].spec
    assert [stage.hash for stage in finding.spec.prerequisites] == [teacher.hash]


@pytest.mark.parametrize(
    ("name", "parameters"), [("hinton-narrow", 24_790), ("hinton-300", 328_810)]
)
def test_students_of_hintons_remark_have_two_layers_of_that_width(
    name: str, parameters: int
) -> None:
    assert count(get_finding(name).spec.base.student, 10).parameters == parameters


# -- what ships ---------------------------------------------------------------------------------


def test_the_first_finding_ships_and_no_file_is_left_over() -> None:
    assert shipped_names()[0] == finding_names()[0]
    assert {file.stem for file in FILES} == set(shipped_names())


@files
def test_a_shipped_file_is_small_and_has_the_students_of_its_finding(file: Path) -> None:
    assert file.stat().st_size < 1000 * KILOBYTES_AT_MOST
    found = shipped(file.stem)
    spec = found.finding.spec
    assert found.figures.sweep.spec == spec
    students = {student.hash for student in spec.students}
    assert found.figures.done == set(found.figures.scores) == set(found.figures.epochs) == students
    assert [one.cell for one in found.figures.map.cells] == list(spec.cells)
    assert all(one.agreement and one.ece for one in found.figures.map.cells)
    assert found.finding.shows.endswith(".")
    assert found.machine
    assert found.seconds > 0


@files
def test_a_shipped_file_has_test_accuracy_of_the_chosen_cell_alone(file: Path) -> None:
    figures = shipped(file.stem).figures
    spec, chosen = figures.sweep.spec, figures.chosen
    assert chosen is not None
    content = read_json(file)
    assert set(content["test_accuracy"]) == {
        spec.student(chosen.cell, seed).hash for seed in spec.seeds
    }
    assert chosen.test.seeds == len(spec.seeds)
    assert not any("test_accuracy" in one for one in content["students"].values())


# -- into a file and out of it ------------------------------------------------------------------


@pytest.mark.usefixtures("few")
def test_what_the_commands_train_and_write_gives_the_figures_of_the_store(
    service: Service, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    ended = CliRunner().invoke(app, TRY_OUT)
    assert ended.exit_code == 0, ended.output
    with pytest.raises(UserError, match="has another grid than the finding"):
        main("maps", "quick")  # what ships is the catalogue's
    main("maps", "quick", str(tmp_path / "tried"))
    assert capsys.readouterr().out == f"{tmp_path / 'tried' / 'quick.json'}\n"

    stored = service.studies.results("quick map")
    found = shipped("quick", tmp_path / "tried")
    for part in ("scores", "epochs", "done", "map", "chosen"):
        assert getattr(found.figures, part) == getattr(stored, part), part
    assert found.figures.sweep.spec == stored.sweep.spec
    assert (stored.sweep.nets, len(stored.map.cells)) == (7, 4)
    links = service.store.experiment("quick map").stages
    stages = {link.stage.hash: link.stage for link in links}
    teacher = stages[stored.sweep.spec.teacher(0).hash]
    assert found.teacher_test is not None
    assert found.teacher_test.mean == teacher.test_accuracy
    took = sum(one.train_seconds or 0 for key, one in stages.items() if key != teacher.hash)
    assert found.seconds == pytest.approx(took, abs=0.05)
    assert found.machine == teacher.machine


def test_a_finding_that_is_not_trained_does_not_ship(service: Service, tmp_path: Path) -> None:
    sentence = "do so: python -m tsexplorer sweep --finding mlp-64"
    with pytest.raises(UserError, match=f"mlp-64 map is not trained here; {sentence}"):
        ship(service, "mlp-64", tmp_path)
    enqueue_study(service, get_finding("quick").spec, "quick map")
    with pytest.raises(UserError, match="quick map is not trained to its end; go on: python"):
        ship(service, "quick", tmp_path)
    with pytest.raises(UserError, match="The finding quick does not ship with this version"):
        shipped("quick", tmp_path)
    assert shipped_names(tmp_path) == ()


def test_a_recipe_and_a_finding_exclude_each_other() -> None:
    ended = CliRunner().invoke(app, ("sweep", "--finding", "quick", "--recipe", "quick"))
    assert ended.exit_code == 2
    assert ended.stderr == "Give the name of a recipe or of a finding, not both.\n"

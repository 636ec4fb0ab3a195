"""``sweep`` from its arguments to what it prints, and its job among others."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from tests.cli.conftest import TOY, Shell, document
from tests.examples import enqueue_study
from tests.local_cluster import count_submissions, local_cluster
from tsexplorer.cli.studies.sweep import SHELL
from tsexplorer.cli.study_requests import BaseRequest, sweep_spec
from tsexplorer.jobs.progress import JobProgress
from tsexplorer.services.foreground import JobView
from tsexplorer.services.service import Service
from tsexplorer.settings import get_settings
from tsexplorer.specs import ExperimentSpec, parse_spec
from tsexplorer.students import dask_cluster
from tsexplorer.studies.student_stages import sweepable
from tsexplorer.studies.sweep.kind import KIND
from tsexplorer.studies.sweep.spec import SweepSpec
from tsexplorer.training.events import Progress

pytestmark = pytest.mark.usefixtures("settled")

GRID = ("--temperatures", "1,4", "--lambdas", "0,0.5", "--seeds", "2", "--name", "map")
ESTIMATE = ["mean", "low", "high", "seeds", "method"]


@pytest.fixture(autouse=True)
def toy(monkeypatch: pytest.MonkeyPatch) -> SweepSpec:
    """The toy experiment is the base of all sweeps here."""
    base = parse_spec(ExperimentSpec, {"name": "toy", **TOY})

    def asked_for(recipe: str | None, file: Path | None, *, data: str | None) -> ExperimentSpec:
        assert (recipe, file, data) == (None, None, None)
        return base

    monkeypatch.setattr("tsexplorer.cli.study_requests.asked_for", asked_for)
    values = {"temperatures": (1, 4), "lambdas": (0, 0.5), "seeds": (0, 1)}
    return KIND.renamed(SweepSpec.model_validate({"base": base, **values}), "map")


def test_map_as_json(shell: Shell, service: Service) -> None:
    found = document(shell("sweep", *GRID, "--json"))
    assert list(found) == ["sweep", "id", "cells", "baseline", "teacher", "chosen"]
    figures = service.studies.results("map")
    assert (found["sweep"], found["id"]) == ("map", figures.sweep.id)
    assert [(one["temperature"], one["lambda"]) for one in found["cells"]] == [
        (1, 0),
        (4, 0),
        (1, 0.5),
        (4, 0.5),
    ]
    for shown, cell in zip(found["cells"], figures.map.cells, strict=True):
        assert list(shown["accuracy"]) == ESTIMATE
        assert shown["learning_rate"] == 0.01
        assert shown["accuracy"]["mean"] == pytest.approx(cell.accuracy.mean, abs=1e-6)
        assert shown["accuracy"]["low"] == pytest.approx(cell.accuracy.low, abs=1e-6)
        assert cell.agreement is not None
        assert shown["agreement"]["mean"] == pytest.approx(cell.agreement.mean, abs=1e-6)
        assert cell.ece is not None
        assert shown["ece"]["mean"] == pytest.approx(cell.ece.mean, abs=1e-6)
        assert cell.gap is not None
        assert shown["gap_closed"]["mean"] == pytest.approx(cell.gap.mean, abs=1e-6)
        assert shown["may_be_best"] is cell.may_be_best
    assert figures.map.baseline is not None
    assert found["baseline"]["accuracy"]["mean"] == pytest.approx(
        figures.map.baseline.mean, abs=1e-6
    )
    assert figures.chosen is not None
    assert found["chosen"]["temperature"] == figures.chosen.cell.temperature
    assert found["chosen"]["test_accuracy"]["mean"] == pytest.approx(
        figures.chosen.test.mean, abs=1e-6
    )


def test_map_as_a_table_with_what_its_figures_are(shell: Shell) -> None:
    lines = shell("sweep", *GRID).stdout.splitlines()
    assert lines[0].split() == ["λ", "T", "1", "T", "4"]
    rows = [line for line in lines if line.strip().startswith(("0 ", "0.5 "))]
    assert len(rows) == 2
    assert sum(line.count("*") for line in rows) == 1
    assert all("±" in line for line in rows)
    rest = "\n".join(lines)
    assert "the intervals are not corrected for 4 cells." in rest
    assert "Chosen on validation: T " in rest
    assert "read once (500 images)" in rest
    assert "seeds 0, 1: mean ± 95 % interval (Student's t)" in rest


def test_swept_again_trains_nothing(shell: Shell, service: Service) -> None:
    first = shell("sweep", *GRID, "--json")
    again = shell("sweep", *GRID, "--json")
    assert document(first) == document(again)
    assert "10 students in 4 cells, 10 of them trained before." in again.stderr
    assert len(service.jobs()) == 2


def test_one_seed_has_an_interval_over_images(shell: Shell) -> None:
    [cell] = document(
        shell("sweep", "--temperatures", "2", "--lambdas", "0.5", "--seeds", "1", "--json")
    )["cells"]
    assert cell["accuracy"]["method"] == "binomial over images"
    assert cell["gap_closed"] is None or cell["gap_closed"]["low"] is None


def test_unnamed_sweeps_of_other_grids_get_other_names(shell: Shell) -> None:
    one = ("sweep", "--temperatures", "2", "--lambdas", "0.5", "--seeds", "1", "--json")
    names = [document(shell(*one, *rest))["sweep"] for rest in ((), (), ("--epochs", "2"))]
    assert names == [
        "sweep of custom under custom, mnist-5k",
        "sweep of custom under custom, mnist-5k",
        "sweep of custom under custom, mnist-5k (2)",
    ]


def test_map_trained_on_a_cluster(
    shell: Shell, service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    with local_cluster(1) as cluster:
        result = shell("sweep", *GRID, "--cluster", cluster.scheduler_address, "--json")
        assert len(document(result)["cells"]) == 4
        assert sum(count_submissions(cluster).values()) >= 1
    assert f"The students train on the cluster at {cluster.scheduler_address}" in result.stderr
    [job] = document(shell("jobs", "--json"))
    assert job["cluster"] == cluster.scheduler_address
    monkeypatch.setattr(dask_cluster, "CONNECT_SECONDS", 0.5)
    service.delete("map")
    gone = shell("sweep", *GRID, "--cluster", cluster.scheduler_address)
    assert (gone.exit_code, gone.stdout) == (1, "")
    assert "does not answer within 0.5 s" in gone.stderr.splitlines()[-1]


def test_cluster_of_the_settings_is_the_usual_one(
    shell: Shell, service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TSEXPLORER_CLUSTER", "nowhere")
    get_settings.cache_clear()
    result = shell("sweep", *GRID)
    assert result.exit_code == 2
    assert result.stderr.startswith(
        "'nowhere' is not the address of a Dask scheduler; write it as tcp"
    )
    assert shell("sweep", *GRID, "--cluster", "").exit_code == 0
    monkeypatch.setenv("TSEXPLORER_CLUSTER", "off")
    get_settings.cache_clear()
    assert shell("sweep", *GRID).exit_code == 0
    off = shell("sweep", *GRID, "--cluster", "tcp://box:8786")
    sentence = "Clusters are switched off here: TSEXPLORER_CLUSTER says so.\n"
    assert (off.exit_code, off.stderr) == (2, sentence)


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (
            ("--cluster", "box"),
            "'box' is not the address of a Dask scheduler; write it as tcp://HOST:PORT, for "
            "example tcp://10.0.0.7:8786.",
        ),
        (("--temperatures", ""), "temperatures: give at least one value, else the grid is empty."),
        (("--lambdas", ","), "lambdas: give at least one value, else the grid is empty."),
        (
            ("--temperatures", "0,1"),
            "temperatures.0: a temperature must be above 0 and at most 1000 (given: 0.0).",
        ),
        (("--lambdas", "0,1.5"), "lambdas.1: lambda must lie in 0...1 (given: 1.5)."),
        (("--lambdas", "-0.1"), "lambdas.0: lambda must lie in 0...1 (given: -0.1)."),
        (
            ("--temperatures", "1,hot"),
            "temperatures: 'hot' is not a number; write numbers with commas between, as in 1,2,4.",
        ),
        (
            ("--learning-rates", "fast"),
            "learning-rates: 'fast' is not a number; write numbers with commas between, as in "
            "1,2,4.",
        ),
        (("--temperatures", "2,2"), "temperatures: 2 stands there twice; leave one out."),
        (
            ("--objective", "labels"),
            "The objective 'labels' has no T and λ to sweep over; choose one of "
            f"{', '.join(sweepable())}.",
        ),
    ],
)
def test_bad_input_ends_in_one_sentence(
    shell: Shell, service: Service, arguments: tuple[str, ...], sentence: str
) -> None:
    result = shell("sweep", *arguments)
    assert (result.exit_code, result.stdout, result.stderr) == (2, "", sentence + "\n")
    assert service.jobs() == ()


def test_unknown_net_ends_in_one_sentence(shell: Shell) -> None:
    result = shell("sweep", "--student", "nobody")
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr.startswith("There is no net called 'nobody'; choose one of ")
    assert result.stderr.count("\n") == 1


def test_what_is_asked_for_takes_the_place_of_the_base(toy: SweepSpec) -> None:
    grid = {"temperatures": "1 4", "lambdas": "0,.5", "learning_rates": None, "seeds": 2}
    assert KIND.renamed(sweep_spec(BaseRequest(), **grid), "map") == toy  # type: ignore[arg-type]
    given = BaseRequest(teacher="wu-cnn", student="mlp-64", objective="additive", epochs=7)
    changed = sweep_spec(given, **grid | {"learning_rates": "0.1,0.2"})  # type: ignore[arg-type]
    base = changed.base
    assert (base.teacher.name, base.student.name, base.objective.name) == (
        "wu-cnn",
        "mlp-64",
        "additive",
    )
    assert base.distilled_train.epochs == 7
    assert base.distilled_train.batch_size == toy.base.distilled_train.batch_size
    assert base.teacher_train == toy.base.teacher_train
    assert changed.rates == (0.1, 0.2)


def test_job_of_a_sweep_is_listed_cancelled_resumed_and_deleted(
    shell: Shell, service: Service, toy: SweepSpec
) -> None:
    job = enqueue_study(service, toy, "map")
    [row] = document(shell("jobs", "--json"))
    assert (row["experiment"], row["kind"], row["stages"]) == ("map", "sweep", 11)
    assert document(shell("cancel", str(job.id), "--json"))["status"] == "cancelled"
    found = document(shell("resume", str(job.id), "--json"))
    assert (found["sweep"], len(found["cells"])) == ("map", 4)
    [row] = document(shell("jobs", "--json"))
    assert (row["status"], row["stages_done"]) == ("done", 11)
    assert shell("delete", "map").stdout == 'The sweep "map" is deleted.\n'
    assert document(shell("jobs", "--json")) == []


def test_sweep_under_way_in_words(shell: Shell, service: Service, toy: SweepSpec) -> None:
    job = enqueue_study(service, toy, "map")
    progress = Progress(
        toy.teacher(0).hash,
        doing="training",
        epoch=1,
        epochs=2,
        fraction=0.5,
        seconds=1.0,
        seconds_left=30.0,
        loss=0.5,
    )

    def words(stage: str) -> str:
        standing = JobProgress(Progress(**{**vars(progress), "stage": stage}), 1, 11)
        view = JobView(service.subject(job), standing, "running")
        return SHELL.progress(view, service.studies.results("map"))

    teacher = toy.teacher(0).hash
    assert words(teacher) == "0 of 11 nets, the teacher: epoch 1 of 2, loss 0.5000, 30 s left"
    assert words("chunk") == "0 of 11 nets, epoch 1 of 2, loss 0.5000, 30 s left"
    progress = replace(progress, doing="1 of 2 chunks, on a cluster of 2 workers", epochs=0)
    progress = replace(progress, loss=None)
    assert words("chunk") == ("0 of 11 nets, 1 of 2 chunks, on a cluster of 2 workers, 30 s left")
    shell("resume", str(job.id))
    best = service.studies.results("map").map.best
    assert best is not None
    assert words("chunk").startswith(
        f"11 of 11 nets, best so far T {best.temperature:g}, λ {best.lam:g}, validation "
    )

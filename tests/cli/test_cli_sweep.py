"""``sweep``: output, invalid arguments, clusters, and its job in the queue."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.cli.conftest import Shell, document
from tests.examples import enqueue_study
from tests.local_cluster import count_submissions, local_cluster
from tsexplorer.cli.commands.sweep import sweep_spec
from tsexplorer.cli.requests import BaseOptions
from tsexplorer.cli.studies.sweep import SHELL
from tsexplorer.jobs.progress import JobProgress
from tsexplorer.services.foreground import JobView
from tsexplorer.services.service import Service
from tsexplorer.settings import get_settings
from tsexplorer.specs import ExperimentSpec
from tsexplorer.students import dask_cluster
from tsexplorer.studies.student_stages import sweepable
from tsexplorer.studies.sweep.kind import KIND
from tsexplorer.studies.sweep.spec import SweepSpec
from tsexplorer.training.events import Progress

pytestmark = pytest.mark.usefixtures("settled")

GRID = ("--temperatures", "1,4", "--lambdas", "0,0.5", "--seeds", "2", "--name", "map")
ESTIMATE = ["mean", "low", "high", "seeds", "method"]


@pytest.fixture(autouse=True)
def toy_sweep(toy_recipe: ExperimentSpec) -> SweepSpec:
    """The sweep that the arguments GRID describe; its base is the default recipe."""
    values = {"temperatures": (1, 4), "lambdas": (0, 0.5), "seeds": (0, 1)}
    return KIND.renamed(SweepSpec.model_validate({"base": toy_recipe, **values}), "map")


def test_json_has_the_results_of_the_map(shell: Shell, service: Service) -> None:
    printed = document(shell("sweep", *GRID, "--json"))
    assert list(printed) == ["sweep", "id", "cells", "baseline", "teacher", "chosen"]
    results = service.studies.results("map")
    assert (printed["sweep"], printed["id"]) == ("map", results.sweep.id)
    assert [(cell["temperature"], cell["lambda"]) for cell in printed["cells"]] == [
        (1, 0),
        (4, 0),
        (1, 0.5),
        (4, 0.5),
    ]
    for document_cell, cell in zip(printed["cells"], results.map.cells, strict=True):
        assert list(document_cell["accuracy"]) == ESTIMATE
        assert document_cell["learning_rate"] == 0.01
        assert document_cell["accuracy"]["mean"] == pytest.approx(cell.accuracy.mean, abs=1e-6)
        assert document_cell["accuracy"]["low"] == pytest.approx(cell.accuracy.low, abs=1e-6)
        assert cell.agreement is not None
        assert document_cell["agreement"]["mean"] == pytest.approx(cell.agreement.mean, abs=1e-6)
        assert cell.ece is not None
        assert document_cell["ece"]["mean"] == pytest.approx(cell.ece.mean, abs=1e-6)
        assert cell.gap is not None
        assert document_cell["gap_closed"]["mean"] == pytest.approx(cell.gap.mean, abs=1e-6)
        assert document_cell["may_be_best"] is cell.may_be_best
    assert results.map.baseline is not None
    assert printed["baseline"]["accuracy"]["mean"] == pytest.approx(
        results.map.baseline.mean, abs=1e-6
    )
    assert results.chosen is not None
    assert printed["chosen"]["temperature"] == results.chosen.cell.temperature
    assert printed["chosen"]["test_accuracy"]["mean"] == pytest.approx(
        results.chosen.test.mean, abs=1e-6
    )


def test_table_shows_the_map_and_explains_its_figures(shell: Shell) -> None:
    lines = shell("sweep", *GRID).stdout.splitlines()
    assert lines[0].split() == ["λ", "T", "1", "T", "4"]
    rows = [line for line in lines if line.strip().startswith(("0 ", "0.5 "))]
    assert len(rows) == 2
    assert sum(line.count("*") for line in rows) == 1
    assert all("±" in line for line in rows)
    text = "\n".join(lines)
    assert "the intervals are not corrected for 4 cells." in text
    assert "Chosen on validation: T " in text
    assert "read once (500 images)" in text
    assert "seeds 0, 1: mean ± 95 % interval (Student's t)" in text


def test_same_sweep_again_trains_nothing(shell: Shell, service: Service) -> None:
    first = shell("sweep", *GRID, "--json")
    again = shell("sweep", *GRID, "--json")
    assert document(first) == document(again)
    assert "10 students in 4 cells, 10 of them trained before." in again.stderr
    assert len(service.jobs()) == 2


def test_single_seed_has_an_interval_over_images(shell: Shell) -> None:
    [cell] = document(
        shell("sweep", "--temperatures", "2", "--lambdas", "0.5", "--seeds", "1", "--json")
    )["cells"]
    assert cell["accuracy"]["method"] == "binomial over images"
    assert cell["gap_closed"] is None or cell["gap_closed"]["low"] is None


def test_default_name_is_numbered_for_another_grid(shell: Shell) -> None:
    arguments = ("sweep", "--temperatures", "2", "--lambdas", "0.5", "--seeds", "1", "--json")
    names = [
        document(shell(*arguments, *further))["sweep"] for further in ((), (), ("--epochs", "2"))
    ]
    assert names == [
        "sweep of custom under custom, mnist-5k",
        "sweep of custom under custom, mnist-5k",
        "sweep of custom under custom, mnist-5k (2)",
    ]


def test_map_is_trained_on_a_cluster(
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
    failed = shell("sweep", *GRID, "--cluster", cluster.scheduler_address)
    assert (failed.exit_code, failed.stdout) == (1, "")
    assert "does not answer within 0.5 s" in failed.stderr.splitlines()[-1]


def test_cluster_of_the_settings_is_the_default(
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
    refused = shell("sweep", *GRID, "--cluster", "tcp://box:8786")
    sentence = "Clusters are switched off by TSEXPLORER_CLUSTER; train on this machine.\n"
    assert (refused.exit_code, refused.stderr) == (2, sentence)


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
def test_invalid_argument_gives_one_sentence(
    shell: Shell, service: Service, arguments: tuple[str, ...], sentence: str
) -> None:
    result = shell("sweep", *arguments)
    assert (result.exit_code, result.stdout, result.stderr) == (2, "", sentence + "\n")
    assert service.jobs() == ()


def test_unknown_net_gives_one_sentence(shell: Shell) -> None:
    result = shell("sweep", "--student", "unknown")
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr.startswith("There is no net called 'unknown'; choose one of ")
    assert result.stderr.count("\n") == 1


def test_options_replace_values_of_the_recipe(toy_sweep: SweepSpec) -> None:
    grid = {"temperatures": "1 4", "lambdas": "0,.5", "learning_rates": None, "seeds": 2}
    assert KIND.renamed(sweep_spec(BaseOptions(), **grid), "map") == toy_sweep  # type: ignore[arg-type]
    options = BaseOptions(teacher="wu-cnn", student="mlp-64", objective="additive", epochs=7)
    changed = sweep_spec(options, **grid | {"learning_rates": "0.1,0.2"})  # type: ignore[arg-type]
    base = changed.base
    assert (base.teacher.name, base.student.name, base.objective.name) == (
        "wu-cnn",
        "mlp-64",
        "additive",
    )
    assert base.distilled_train.epochs == 7
    assert base.distilled_train.batch_size == toy_sweep.base.distilled_train.batch_size
    assert base.teacher_train == toy_sweep.base.teacher_train
    assert changed.rates == (0.1, 0.2)


def test_job_is_listed_cancelled_resumed_and_deleted(
    shell: Shell, service: Service, toy_sweep: SweepSpec
) -> None:
    job = enqueue_study(service, toy_sweep, "map")
    [row] = document(shell("jobs", "--json"))
    assert (row["experiment"], row["kind"], row["stages"]) == ("map", "sweep", 11)
    assert document(shell("cancel", str(job.id), "--json"))["status"] == "cancelled"
    printed = document(shell("resume", str(job.id), "--json"))
    assert (printed["sweep"], len(printed["cells"])) == ("map", 4)
    [row] = document(shell("jobs", "--json"))
    assert (row["status"], row["stages_done"]) == ("done", 11)
    assert shell("delete", "map").stdout == 'The sweep "map" is deleted.\n'
    assert document(shell("jobs", "--json")) == []


def test_progress_of_a_running_sweep(shell: Shell, service: Service, toy_sweep: SweepSpec) -> None:
    job = enqueue_study(service, toy_sweep, "map")
    progress = Progress(
        toy_sweep.teacher(0).hash,
        doing="training",
        epoch=1,
        epochs=2,
        fraction=0.5,
        seconds=1.0,
        seconds_left=30.0,
        loss=0.5,
    )

    def text(stage: str) -> str:
        job_progress = JobProgress(Progress(**{**vars(progress), "stage": stage}), 1, 11)
        view = JobView(service.study_of(job), job_progress, "running")
        return SHELL.progress(view, service.studies.results("map"))

    teacher = toy_sweep.teacher(0).hash
    assert text(teacher) == "0 of 11 nets, the teacher: epoch 1 of 2, loss 0.5000, 30 s left"
    assert text("chunk") == "0 of 11 nets, epoch 1 of 2, loss 0.5000, 30 s left"
    progress = replace(progress, doing="1 of 2 chunks, on a cluster of 2 workers", epochs=0)
    progress = replace(progress, loss=None)
    assert text("chunk") == ("0 of 11 nets, 1 of 2 chunks, on a cluster of 2 workers, 30 s left")
    shell("resume", str(job.id))
    best = service.studies.results("map").map.best
    assert best is not None
    assert text("chunk").startswith(
        f"11 of 11 nets, best so far T {best.temperature:g}, λ {best.lam:g}, validation "
    )

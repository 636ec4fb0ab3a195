"""``tune``: output, invalid arguments, and its job in the queue."""

from __future__ import annotations

import pytest

from tests.cli.conftest import Shell, document
from tests.examples import enqueue_study
from tsexplorer.cli.studies.tuning import SHELL
from tsexplorer.jobs.progress import JobProgress
from tsexplorer.services.foreground import JobView
from tsexplorer.services.service import Service
from tsexplorer.specs import ExperimentSpec
from tsexplorer.studies.student_stages import sweepable
from tsexplorer.studies.tuning.spec import TuneSpec

pytestmark = pytest.mark.usefixtures("settled", "toy_recipe")

SMALL = ("--trials", "3", "--rounds", "2", "--seeds", "2", "--repeats", "2", "--baselines", "2")


def test_suggestion_is_printed_as_table_and_json(shell: Shell, service: Service) -> None:
    result = shell("tune", *SMALL, "--name", "search", "--learning-rates", "0.01")
    assert result.exit_code == 0
    assert "3 trials in 2 rounds, 10 students at most." in result.stderr  # 3 + 1, and 3 on 2 seeds
    results = service.studies.results("search")
    suggestion = results.repeats.suggestion
    assert suggestion is not None
    table = result.stdout
    assert table.splitlines()[0].split() == ["T", "λ", "rate", "validation", "gap", "closed"]
    assert f"Suggestion: T = {suggestion.result.cell.temperature:g}, λ = " in table
    assert "read once (500 images)" in table
    assert "Baseline (labels alone, at learning rate 0.01)" in table
    assert "seeds 1, 2: 95 % interval" in table
    printed = document(
        shell("tune", *SMALL, "--name", "search", "--learning-rates", "0.01", "--json")
    )
    assert [trial["state"] for trial in printed["trials"]] == ["done"] * 3
    assert {trial["learning_rate"] for trial in printed["trials"]} == {0.01}
    assert printed["suggestion"]["temperature"] == suggestion.result.cell.temperature
    assert printed["suggestion"]["accuracy"]["seeds"] == 2
    assert printed["suggestion"]["others_repeated"] == 1
    assert printed["importances"] is None


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("--trials", "1"), "trials: should be greater than or equal to 2 (given: 1)."),
        (
            ("--temperatures", "1,2,4"),
            "temperatures: write the lower and the upper end, as in 1,8, or one number to keep it "
            "fixed.",
        ),
        (("--lambdas", "1,0"), "lambdas: the lower end 1 lies above the upper end 0."),
        (
            ("--temperatures", "2", "--lambdas", "0.5", "--learning-rates", "0.1"),
            "the spec: leave one of T, lambda and learning rate open, else there is nothing to "
            "search.",
        ),
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
    result = shell("tune", *arguments)
    assert (result.exit_code, result.stdout, result.stderr) == (2, "", sentence + "\n")
    assert service.jobs() == ()


def test_job_is_listed_cancelled_resumed_and_deleted(
    shell: Shell, service: Service, toy_recipe: ExperimentSpec
) -> None:
    spec = TuneSpec(base=toy_recipe, trials=2, per_round=2, repeats=1, seeds=1, baselines=1)
    job = enqueue_study(service, spec, "search")
    view = JobView(service.study_of(job), JobProgress(), "running")
    assert (
        SHELL.progress(view, service.studies.results("search")) == "0 of 2 trials (0 stopped early)"
    )
    [row] = document(shell("jobs", "--json"))
    assert (row["experiment"], row["kind"]) == ("search", "tuning")
    assert document(shell("cancel", str(job.id), "--json"))["status"] == "cancelled"
    assert document(shell("resume", str(job.id), "--json"))["tuning"] == "search"
    results = service.studies.results("search")
    assert "the best are repeated, best so far" in SHELL.progress(view, results)
    assert [len(row) for row in SHELL.table(results)[1]] == [5]
    refused = shell("predict", "--stage", "search:distilled", "nothing.png")
    assert '"search" is a tuning' in refused.stderr
    assert shell("delete", "search").stdout == 'The tuning "search" is deleted.\n'
    assert document(shell("jobs", "--json")) == []

"""``run`` and ``resume``: output, names, failures, and downloads of datasets."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from time import sleep
from typing import Any

import pytest

from tests.cli.conftest import TOY, Shell, SpecFile, document
from tests.data.conftest import Server, SmallDataset
from tsexplorer.analysis.seed_statistics import gap_closed, interval
from tsexplorer.data import registry
from tsexplorer.data.download import Remote, RemoteFile
from tsexplorer.errors import UserError
from tsexplorer.services.service import Service
from tsexplorer.specs import ROLES

pytestmark = pytest.mark.usefixtures("settled")

STAGE_KEYS = ("id", "parameters", "epochs", "train_seconds", "validation_accuracy", "test_accuracy")


def test_single_seed_has_results_and_no_interval(
    shell: Shell, spec_file: SpecFile, service: Service
) -> None:
    result = shell("run", "--spec", spec_file(), "--json")
    printed = document(result)
    assert list(printed) == ["experiment", "seeds", "mean", "interval"]
    assert printed["experiment"] == "toy"
    [seed] = printed["seeds"]
    assert list(seed) == ["seed", "stages", "gap_closed"]
    assert seed["seed"] == 0
    experiment = service.experiment("toy")
    for role in ROLES:
        stage, row = experiment.stage(0, role), seed["stages"][role]
        assert tuple(row) == STAGE_KEYS
        assert row["epochs"] == stage.spec.train.epochs
        assert row["train_seconds"] == pytest.approx(stage.train_seconds, abs=1e-6)
        for figure in ("validation_accuracy", "test_accuracy"):
            assert row[figure] == pytest.approx(getattr(stage, figure), abs=1e-6)
            assert printed["mean"][role][figure] == row[figure]
            assert printed["interval"][role][figure] is None
    parameters = [seed["stages"][role]["parameters"] for role in ROLES]
    assert parameters == [9_550, 3_190, 3_190]
    assert list(seed["stages"]) == list(ROLES)
    teacher, baseline, distilled = (seed["stages"][role]["test_accuracy"] for role in ROLES)
    assert seed["gap_closed"] == pytest.approx(gap_closed(teacher, baseline, distilled), abs=1e-6)
    assert printed["mean"]["gap_closed"] == seed["gap_closed"]
    assert printed["interval"]["gap_closed"] is None


def test_student_with_excluded_classes_has_no_gap_closed(shell: Shell, spec_file: SpecFile) -> None:
    command = ("run", "--spec", spec_file(), "--leave-out", "3", "--name", "no threes")
    printed = document(shell(*command, "--json"))
    assert printed["seeds"][0]["gap_closed"] is None
    assert printed["mean"]["gap_closed"] is None
    assert printed["mean"]["distilled"]["test_accuracy"] > 0
    assert "No gap closed: the student was not trained on all classes" in shell(*command).stdout


def test_progress_goes_to_standard_error(shell: Shell, spec_file: SpecFile) -> None:
    lines = shell("run", "--spec", spec_file(), "--json").stderr.splitlines()
    assert lines[0] == 'Training "toy" as job 1.'
    assert [line.partition(":")[0] for line in lines[1:]] == [f"{role}, seed 0" for role in ROLES]
    assert re.search(r": 2 epochs in \d+ s, validation \d+\.\d\d %$", lines[1])


def test_seeds_count_from_0_and_trained_nets_are_reused(
    shell: Shell, spec_file: SpecFile, service: Service
) -> None:
    file = spec_file()
    [single] = document(shell("run", "--spec", file, "--json"))["seeds"]
    finished = [service.experiment("toy").stage(0, role).finished_at for role in ROLES]
    result = shell("run", "--spec", file, "--seeds", "2", "--json")
    printed = document(result)
    assert printed["experiment"] == "toy, 2 seeds"
    assert [seed["seed"] for seed in printed["seeds"]] == [0, 1]
    assert printed["seeds"][0] == single
    assert [service.experiment("toy").stage(0, role).finished_at for role in ROLES] == finished
    assert result.stderr.count("trained before") == 3


def test_several_seeds_have_means_and_intervals(shell: Shell, spec_file: SpecFile) -> None:
    printed = document(shell("run", "--spec", spec_file(), "--seeds", "2", "--json"))
    for role in ROLES:
        for figure in ("validation_accuracy", "test_accuracy"):
            values = [seed["stages"][role][figure] for seed in printed["seeds"]]
            expected = interval(values)
            assert expected is not None
            assert printed["mean"][role][figure] == pytest.approx(expected.mean, abs=1e-5)
            assert printed["interval"][role][figure] == pytest.approx(
                [expected.low, expected.high], abs=1e-5
            )
    gaps = interval([seed["gap_closed"] for seed in printed["seeds"]])
    assert gaps is not None
    assert printed["mean"]["gap_closed"] == pytest.approx(gaps.mean, abs=1e-5)
    assert printed["interval"]["gap_closed"] == pytest.approx([gaps.low, gaps.high], abs=1e-5)


def test_gap_is_undefined_if_the_teacher_is_not_better(shell: Shell, spec_file: SpecFile) -> None:
    # Teacher and baseline are the same stage.
    changes = {"teacher": TOY["student"], "teacher_train": TOY["baseline_train"]}
    file = spec_file(**changes)
    printed = document(shell("run", "--spec", file, "--json"))
    assert printed["seeds"][0]["gap_closed"] is None
    assert printed["mean"]["gap_closed"] is None
    table = shell("run", "--spec", file).stdout
    assert "Gap closed (test): –; in 1 seed the teacher is not better than the baseline" in table


def test_same_run_again_prints_the_same_document(
    shell: Shell, spec_file: SpecFile, service: Service
) -> None:
    arguments = ("run", "--spec", spec_file(), "--seeds", "2", "--json")
    assert document(shell(*arguments)) == document(shell(*arguments))
    assert [experiment.name for experiment in service.experiments()].count("toy, 2 seeds") == 1


def test_table_explains_its_figures(shell: Shell, spec_file: SpecFile) -> None:
    file = spec_file()
    [seed] = document(shell("run", "--spec", file, "--json"))["seeds"]
    text = shell("run", "--spec", file).stdout
    rows = {line.split()[0]: line.split() for line in text.splitlines() if line.strip()}
    for role in ROLES:
        figures = seed["stages"][role]
        assert rows[role][1:3] == [f"{figures['parameters']:,}", str(figures["epochs"])]
        assert rows[role][-4:] == [
            f"{100 * figures['validation_accuracy']:.2f}",
            "%",
            f"{100 * figures['test_accuracy']:.2f}",
            "%",
        ]
    assert f"Gap closed (test): {100 * seed['gap_closed']:.0f} %" in text
    assert "validation (500 images)" in text
    assert "test (500 images) read once" in text
    assert "seed 0, so no interval" in text
    assert "hinton: λ·CE + (1 − λ)·T²·KL, nats, batch mean, T = 2, λ = 0.25" in text


def test_table_of_several_seeds_has_intervals(shell: Shell, spec_file: SpecFile) -> None:
    text = shell("run", "--spec", spec_file(), "--seeds", "2").stdout
    assert all(line.count(" ± ") == 2 for line in text.splitlines() if line.split(" ")[0] in ROLES)
    assert "seeds 0, 1: mean ± 95 % interval" in text
    assert "of the means" in text


def test_changed_experiment_under_a_used_name_is_refused(shell: Shell, spec_file: SpecFile) -> None:
    assert shell("run", "--spec", spec_file()).exit_code == 0
    changed = spec_file(objective={"temperature": 3})
    refused = shell("run", "--spec", changed, "--json")
    assert refused.exit_code == 2
    assert refused.stdout == ""
    assert refused.stderr.splitlines() == [
        'An experiment named "toy" exists with other settings; '
        "choose another name or delete it first."
    ]
    result = shell("run", "--spec", changed, "--name", "toy, T 3", "--json")
    assert document(result)["experiment"] == "toy, T 3"
    assert result.stderr.count("trained before") == 2  # teacher and baseline


def test_derived_name_that_is_taken_is_numbered(shell: Shell, spec_file: SpecFile) -> None:
    shell("run", "--spec", spec_file(), "--name", "toy, 2 seeds")
    arguments = ("run", "--spec", spec_file(), "--seeds", "2", "--json")
    assert document(shell(*arguments))["experiment"] == "toy, 2 seeds (2)"
    assert document(shell(*arguments))["experiment"] == "toy, 2 seeds (2)"


def test_small_teacher_is_allowed_with_a_remark(shell: Shell, spec_file: SpecFile) -> None:
    result = shell("run", "--spec", spec_file(teacher=TOY["student"], student=TOY["teacher"]))
    assert result.exit_code == 0
    assert "smaller than its student" in result.stderr.splitlines()[0]


def test_failed_job_ends_the_command_with_its_error(
    shell: Shell, spec_file: SpecFile, home: Path, service: Service
) -> None:
    (home / "stages").write_text("a file where a folder should be")
    result = shell("run", "--spec", spec_file(), "--json")
    [job] = service.jobs()
    assert (result.exit_code, result.stdout, job.status) == (1, "", "failed")
    assert result.stderr.splitlines() == ['Training "toy" as job 1.', job.error]
    assert "stages" in job.error
    (home / "stages").unlink()
    assert document(shell("resume", "1", "--json"))["experiment"] == "toy"
    assert service.store.job(1).status == "done"


def test_unexpected_exception_fails_the_job(
    shell: Shell, spec_file: SpecFile, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object, **__: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr("tsexplorer.jobs.job_runner.train", broken)
    result = shell("run", "--spec", spec_file())
    assert (result.exit_code, result.stdout) == (1, "")
    assert "unexpected error (ZeroDivisionError)" in result.stderr.splitlines()[-1]


def test_error_of_the_store_during_a_job_gives_one_sentence(
    shell: Shell, spec_file: SpecFile, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object, **__: object) -> None:
        raise UserError("The disk is full.")

    monkeypatch.setattr("tsexplorer.jobs.job_runner.JobRunner.run", full)
    result = shell("run", "--spec", spec_file())
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr.splitlines()[-1] == "The disk is full."


def test_finished_job_cannot_be_resumed(shell: Shell, spec_file: SpecFile) -> None:
    shell("run", "--spec", spec_file())
    result = shell("resume", "1")
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr == "Job 1 is done, so there is nothing to resume.\n"


# -- missing datasets ---------------------------------------------------------------------------


@pytest.fixture
def only_dataset(monkeypatch: pytest.MonkeyPatch) -> Callable[[Any], None]:
    """Make a dataset the only registered one."""

    def register(dataset: Any) -> None:
        monkeypatch.setattr(registry, "load_datasets", lambda: {dataset.name: dataset})

    return register


SMALL = {f"{role}_train": {"epochs": 1, "batch_size": 10} for role in ROLES}


def test_missing_dataset_is_downloaded(
    shell: Shell,
    spec_file: SpecFile,
    mnist: SmallDataset,
    server: Server,
    only_dataset: Callable[[Any], None],
    home: Path,
) -> None:
    mnist.write_into(server.folder, "gz")
    only_dataset(mnist.on_mirrors([server.address], server.folder))
    result = shell("run", "--spec", spec_file(**SMALL), "--data", "mnist", "--json")
    assert document(result)["experiment"] == "toy, mnist"
    assert f"Fetched MNIST into {home / 'data'}." in result.stderr.splitlines()
    assert (home / "data" / "MNIST" / "raw" / "train-images-idx3-ubyte").is_file()


def test_failed_download_says_which_files_to_put_where(
    shell: Shell,
    spec_file: SpecFile,
    mnist: SmallDataset,
    only_dataset: Callable[[Any], None],
    home: Path,
    service: Service,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("no_proxy", "*")
    unreachable = Remote(
        ("http://127.0.0.1:9",), (RemoteFile("train-images-idx3-ubyte.gz", "0" * 32),)
    )
    only_dataset(replace(mnist.dataset, remote=unreachable))
    result = shell("run", "--spec", spec_file(**SMALL), "--data", "mnist", "--json")
    assert (result.exit_code, result.stdout) == (2, "")
    [line] = result.stderr.splitlines()
    assert "MNIST could not be downloaded" in line
    assert "put train-images-idx3-ubyte, " in line
    assert str(home / "data" / "MNIST" / "raw") in line
    assert service.jobs() == ()


def test_ctrl_c_cancels_a_download_and_removes_its_files(
    shell: Shell,
    spec_file: SpecFile,
    mnist: SmallDataset,
    server: Server,
    only_dataset: Callable[[Any], None],
    home: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    mnist.write_into(server.folder, "gz")
    only_dataset(mnist.on_mirrors([f"{server.address}/slow"], server.folder))

    pressed = []

    def press_ctrl_c_after_half_the_file(seconds: float) -> None:
        if server.stalled.is_set() and not pressed:
            pressed.append(True)
            raise KeyboardInterrupt
        sleep(seconds)

    monkeypatch.setattr("tsexplorer.cli.run_job.sleep", press_ctrl_c_after_half_the_file)
    result = shell("run", "--spec", spec_file(**SMALL), "--data", "mnist", "--json")
    assert (result.exit_code, result.stdout) == (130, "")
    assert result.stderr.splitlines()[-1] == "The download was cancelled; its files are removed."
    assert list((home / "data" / "MNIST" / "raw").iterdir()) == []


def test_spec_printed_by_recipes_can_be_trained(shell: Shell, tmp_path: Path) -> None:
    quick = document(shell("recipes", "--json"))[0]["spec"]
    for role in ROLES:
        quick[f"{role}_train"] |= {"epochs": 1, "batch_size": 400}
    quick["teacher"] = quick["student"]
    file = tmp_path / "quick.json"
    file.write_text(json.dumps(quick | {"name": "quicker"}))
    assert document(shell("run", "--spec", str(file), "--json"))["experiment"] == "quicker"

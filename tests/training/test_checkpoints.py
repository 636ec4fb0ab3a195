"""Checkpoints and weights on disk: whole or not there, and no damage goes unnoticed."""

from __future__ import annotations

import errno
import json
import math
import os
from pathlib import Path

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import save_file
from torch import nn
from torch.optim import SGD, Adam

from tests.training.training_examples import assert_same
from tsexplorer.errors import UserError
from tsexplorer.training import checkpoints
from tsexplorer.training.optimisation import flatten_state, unflatten_state

TENSORS = {
    "weight": torch.arange(12.0).reshape(3, 4),
    "scalar": torch.tensor(2.5),
    "count": torch.tensor(7, dtype=torch.int64),
    "half": torch.tensor([1.5, -2.0], dtype=torch.bfloat16),
    "none": torch.empty(0, 3),
}
NUMBERS = {"record": {"loss": math.inf, "epoch": 3}, "words": ["T", "λ"]}


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "stage" / checkpoints.CHECKPOINT


def failing(monkeypatch: pytest.MonkeyPatch, number: int, name: str = "fsync") -> None:
    """Let the disk fail at a certain call."""

    def fail(*_: object, **__: object) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(os, name, fail)


def test_what_is_written_is_read(path):
    checkpoints.write(path, TENSORS, NUMBERS)
    tensors, numbers = checkpoints.read(path)
    assert_same(tensors, TENSORS)
    assert {name: one.dtype for name, one in tensors.items()} == {
        name: one.dtype for name, one in TENSORS.items()
    }
    assert numbers == NUMBERS


def test_weights_channels_last_are_the_same_numbers(path):
    weight = torch.randn(4, 3, 2, 2).to(memory_format=torch.channels_last)
    checkpoints.write(path, {"weight": weight}, {})
    assert torch.equal(checkpoints.read(path)[0]["weight"], weight)


def test_file_is_plain_safetensors(path):
    checkpoints.write(path, TENSORS, NUMBERS)
    with safe_open(path, "pt") as file:
        assert json.loads(file.metadata()["numbers"]) == NUMBERS
        assert torch.equal(file.get_tensor("weight"), TENSORS["weight"])


def test_what_was_read_does_not_change_with_the_file(path):
    checkpoints.write(path, TENSORS, NUMBERS)
    tensors, _ = checkpoints.read(path)
    with path.open("r+b") as file:
        file.write(bytes(path.stat().st_size))
    assert_same(tensors, TENSORS)


def test_there_is_none(path):
    with pytest.raises(FileNotFoundError):
        checkpoints.read(path)


def test_write_goes_beside_is_synced_and_then_renamed(path, monkeypatch):
    checkpoints.write(path, TENSORS, {"number": 1})
    order: list[str] = []
    real_sync, real_replace = os.fsync, Path.replace

    def sync(handle: int) -> None:
        target = Path(f"/proc/self/fd/{handle}").readlink()
        order.append("sync folder" if target == path.parent else f"sync {target.name[:12]}")
        if target != path.parent:
            assert target.parent == path.parent
            assert target.stat().st_size > 0
            assert checkpoints.read(path)[1] == {"number": 1}  # still the old one
        real_sync(handle)

    def replace(self: Path, target: Path) -> Path:
        order.append("rename")
        return real_replace(self, target)

    monkeypatch.setattr(os, "fsync", sync)
    monkeypatch.setattr(Path, "replace", replace)
    checkpoints.write(path, TENSORS, {"number": 2})
    assert order == ["sync .checkpoint.", "rename", "sync folder"]
    assert checkpoints.read(path)[1] == {"number": 2}


@pytest.mark.parametrize(
    ("number", "sentence"),
    [
        (errno.ENOSPC, r"^There is no space left in .*stage; free some and resume the job\.$"),
        (errno.EDQUOT, r"^There is no space left in .*stage; free some and resume the job\.$"),
        (errno.EROFS, r"^.*stage cannot be written \(Read-only file system\); fix that and"),
        (errno.EACCES, r"^.*stage cannot be written \(Permission denied\); fix that and"),
    ],
)
def test_a_disk_that_fails_costs_one_sentence_and_no_old_file(path, monkeypatch, number, sentence):
    checkpoints.write(path, TENSORS, {"number": 1})
    with monkeypatch.context() as patch:
        failing(patch, number)
        with pytest.raises(UserError, match=sentence):
            checkpoints.write(path, TENSORS, {"number": 2})
    assert checkpoints.read(path)[1] == {"number": 1}
    assert [one.name for one in path.parent.iterdir()] == [path.name]


def test_a_folder_that_was_removed_is_made_again(path):
    checkpoints.write(path, TENSORS, {})
    path.unlink()
    path.parent.rmdir()
    checkpoints.write(path, TENSORS, {})
    assert checkpoints.read(path)[1] == {}


def test_a_file_where_the_folder_should_be(path):
    path.parent.write_text("in the way")
    with pytest.raises(UserError, match=r"stage cannot be written \(.*\); fix that"):
        checkpoints.write(path, TENSORS, {})
    assert path.parent.read_text() == "in the way"


def damaged(path: Path, kind: str) -> None:
    content = bytearray(path.read_bytes())
    start = 8 + int.from_bytes(content[:8], "little")
    match kind:
        case "empty":
            content.clear()
        case "cut in the header":
            del content[start // 2 :]
        case "cut in the numbers":
            del content[-5:]
        case "garbage":
            content[:] = os.urandom(len(content))
        case "one bit":
            content[start + 9] ^= 0x10
        case "longer":
            content += b"more"
    path.write_bytes(content)


@pytest.mark.parametrize(
    "kind", ["empty", "cut in the header", "cut in the numbers", "garbage", "one bit", "longer"]
)
def test_damage_is_noticed_and_said(path, kind):
    checkpoints.write(path, TENSORS, NUMBERS)
    damaged(path, kind)
    with pytest.raises(
        checkpoints.DamagedFileError, match=r"^.*checkpoint.* is damaged; delete the"
    ):
        checkpoints.read(path)


def test_safetensors_of_another_program_are_damaged(path):
    path.parent.mkdir()
    save_file({"weight": torch.ones(3)}, path)
    with pytest.raises(checkpoints.DamagedFileError):
        checkpoints.read(path)


def test_a_pickle_is_never_opened(path):
    path.parent.mkdir()
    torch.save({"weight": torch.ones(3)}, path)
    with pytest.raises(checkpoints.DamagedFileError):
        checkpoints.read(path)


def test_file_without_a_sum_is_taken_as_it_is(path):
    path.parent.mkdir()
    save_file({"weight": torch.ones(3)}, path, metadata={"numbers": "{}"})
    assert_same(checkpoints.read(path)[0], {"weight": torch.ones(3)})


def test_a_file_that_may_not_be_read_is_not_damaged(path, monkeypatch):
    checkpoints.write(path, TENSORS, {})

    def refuse(*_: object, **__: object) -> None:
        raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr(checkpoints, "safe_open", refuse)
    with pytest.raises(UserError, match=r"cannot be read; check its permissions\.$") as caught:
        checkpoints.read(path)
    assert not isinstance(caught.value, checkpoints.DamagedFileError)


def test_leftovers_of_killed_processes_go_and_nothing_else(path):
    checkpoints.write(path, TENSORS, {})
    for name in (f".{checkpoints.CHECKPOINT}.77", f".{checkpoints.WEIGHTS}.123"):
        (path.parent / name).write_text("half")
    (path.parent / "notes").write_text("somebody's own")
    checkpoints.remove_partial_files(path.parent)
    assert {one.name for one in path.parent.iterdir()} == {checkpoints.CHECKPOINT, "notes"}
    checkpoints.remove_partial_files(path.parent / "nowhere")


def test_a_damaged_file_can_be_looked_at_under_another_name(path):
    checkpoints.write(path, TENSORS, {})
    checkpoints.rename_damaged(path)
    assert [one.name for one in path.parent.iterdir()] == ["checkpoint.damaged"]
    with pytest.raises(UserError, match="cannot be written"):
        checkpoints.rename_damaged(path)


@pytest.mark.parametrize(
    "make",
    [
        lambda parameters: Adam(parameters, 0.1, fused=True),
        lambda parameters: SGD(parameters, 0.1, momentum=0.9),
        lambda parameters: SGD(parameters, 0.1),
    ],
)
def test_an_optimisers_state_goes_through_a_file(path, make):
    def stepped(net: nn.Module, optimiser: torch.optim.Optimizer) -> None:
        optimiser.zero_grad()
        net(torch.ones(2, 3)).square().sum().backward()
        optimiser.step()

    torch.manual_seed(2)
    first, second = nn.Linear(3, 2), nn.Linear(3, 2)
    one, other = make(first.parameters()), make(second.parameters())
    stepped(first, one)
    tensors, numbers = flatten_state(one.state_dict())
    checkpoints.write(
        path, tensors | {f"net.{n}": t for n, t in first.state_dict().items()}, numbers
    )
    read, said = checkpoints.read(path)
    second.load_state_dict(checkpoints.select_prefix("net.", read))
    other.load_state_dict(unflatten_state(read, said))
    stepped(first, one)
    stepped(second, other)
    assert_same(first.state_dict(), second.state_dict())


def test_shapes_are_compared_by_name():
    net = nn.Linear(3, 2)
    weights = net.state_dict()
    assert checkpoints.fits_net(weights, net)
    assert not checkpoints.fits_net({"weight": weights["weight"]}, net)
    assert not checkpoints.fits_net({**weights, "more": torch.ones(1)}, net)
    assert not checkpoints.fits_net({**weights, "bias": torch.ones(3)}, net)

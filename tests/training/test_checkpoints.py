"""Files of a stage: written completely or not at all, and damage is detected."""

from __future__ import annotations

import errno
import json
import math
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import save_file
from torch import nn

from tests.training.training_examples import assert_equal_weights
from tsexplorer.errors import UserError
from tsexplorer.training import checkpoints

TENSORS = {
    "weight": torch.arange(12.0).reshape(3, 4),
    "scalar": torch.tensor(2.5),
    "count": torch.tensor(7, dtype=torch.int64),
    "half": torch.tensor([1.5, -2.0], dtype=torch.bfloat16),
    "none": torch.empty(0, 3),
}
METADATA = {"record": {"loss": math.inf, "epoch": 3}, "words": ["T", "λ"]}


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "stage" / checkpoints.CHECKPOINT


def test_read_returns_what_was_written(path):
    checkpoints.write(path, TENSORS, METADATA)
    tensors, metadata = checkpoints.read(path)
    assert_equal_weights(tensors, TENSORS)
    dtypes = {name: tensor.dtype for name, tensor in tensors.items()}
    assert dtypes == {name: tensor.dtype for name, tensor in TENSORS.items()}
    assert metadata == METADATA


def test_channels_last_weights_keep_their_values(path):
    weight = torch.randn(4, 3, 2, 2).to(memory_format=torch.channels_last)
    checkpoints.write(path, {"weight": weight}, {})
    assert torch.equal(checkpoints.read(path)[0]["weight"], weight)


def test_file_is_plain_safetensors(path):
    checkpoints.write(path, TENSORS, METADATA)
    with safe_open(path, "pt") as file:
        assert json.loads(file.metadata()["numbers"]) == METADATA
        assert torch.equal(file.get_tensor("weight"), TENSORS["weight"])


def test_tensors_do_not_change_when_the_file_does(path):
    checkpoints.write(path, TENSORS, METADATA)
    tensors, _ = checkpoints.read(path)
    with path.open("r+b") as file:
        file.write(bytes(path.stat().st_size))
    assert_equal_weights(tensors, TENSORS)


def test_missing_file_raises_file_not_found(path):
    with pytest.raises(FileNotFoundError):
        checkpoints.read(path)


def test_temporary_file_is_synced_before_the_rename(path, monkeypatch):
    checkpoints.write(path, TENSORS, {"number": 1})
    order: list[str] = []
    real_sync, real_replace = os.fsync, Path.replace

    def sync(handle: int) -> None:
        target = Path(f"/proc/self/fd/{handle}").readlink()
        order.append("sync folder" if target == path.parent else f"sync {target.name[:12]}")
        if target != path.parent:
            assert target.parent == path.parent
            assert target.stat().st_size > 0
            assert checkpoints.read(path)[1] == {"number": 1}  # the old file is still there
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
def test_a_disk_error_keeps_the_old_file(path, monkeypatch, number, sentence):
    def fail(*_: object) -> None:
        raise OSError(number, os.strerror(number))

    checkpoints.write(path, TENSORS, {"number": 1})
    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", fail)
        with pytest.raises(UserError, match=sentence):
            checkpoints.write(path, TENSORS, {"number": 2})
    assert checkpoints.read(path)[1] == {"number": 1}
    assert list(path.parent.iterdir()) == [path]


def test_a_removed_folder_is_created_again(path):
    checkpoints.write(path, TENSORS, {})
    path.unlink()
    path.parent.rmdir()
    checkpoints.write(path, TENSORS, {})
    assert checkpoints.read(path)[1] == {}


def test_a_file_in_place_of_the_folder_is_an_error(path):
    path.parent.write_text("not a folder")
    with pytest.raises(UserError, match=r"stage cannot be written \(.*\); fix that"):
        checkpoints.write(path, TENSORS, {})
    assert path.parent.read_text() == "not a folder"


def damage(path: Path, kind: str) -> None:
    content = bytearray(path.read_bytes())
    start = 8 + int.from_bytes(content[:8], "little")
    match kind:
        case "empty":
            content.clear()
        case "cut in the header":
            del content[start // 2 :]
        case "cut in the tensors":
            del content[-5:]
        case "random bytes":
            content[:] = os.urandom(len(content))
        case "one bit":
            content[start + 9] ^= 0x10
        case "longer":
            content += b"more"
    path.write_bytes(content)


@pytest.mark.parametrize(
    "kind",
    ["empty", "cut in the header", "cut in the tensors", "random bytes", "one bit", "longer"],
)
def test_damage_is_detected(path, kind):
    checkpoints.write(path, TENSORS, METADATA)
    damage(path, kind)
    with pytest.raises(
        checkpoints.DamagedFileError, match=r"^.*checkpoint.* is damaged; delete the"
    ):
        checkpoints.read(path)


def test_safetensors_of_another_program_count_as_damaged(path):
    path.parent.mkdir()
    save_file({"weight": torch.ones(3)}, path)
    with pytest.raises(checkpoints.DamagedFileError):
        checkpoints.read(path)


def test_pickles_are_not_opened(path):
    path.parent.mkdir()
    torch.save({"weight": torch.ones(3)}, path)
    with pytest.raises(checkpoints.DamagedFileError):
        checkpoints.read(path)


def test_a_file_without_a_checksum_is_accepted(path):
    path.parent.mkdir()
    save_file({"weight": torch.ones(3)}, path, metadata={"numbers": "{}"})
    assert_equal_weights(checkpoints.read(path)[0], {"weight": torch.ones(3)})


def test_a_file_without_read_permission_is_not_damaged(path, monkeypatch):
    checkpoints.write(path, TENSORS, {})

    def refuse(*_: object, **__: object) -> None:
        raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr(checkpoints, "safe_open", refuse)
    with pytest.raises(UserError, match=r"cannot be read; check its permissions\.$") as caught:
        checkpoints.read(path)
    assert not isinstance(caught.value, checkpoints.DamagedFileError)


def test_only_partial_files_are_removed(path):
    checkpoints.write(path, TENSORS, {})
    for name in (f".{checkpoints.CHECKPOINT}.77", f".{checkpoints.WEIGHTS}.123"):
        (path.parent / name).write_text("half")
    (path.parent / "notes").write_text("a file of the user")
    checkpoints.remove_partial_files(path.parent)
    names = {file.name for file in path.parent.iterdir()}
    assert names == {checkpoints.CHECKPOINT, "notes"}
    checkpoints.remove_partial_files(path.parent / "missing")


def test_a_damaged_file_is_renamed(path):
    checkpoints.write(path, TENSORS, {})
    checkpoints.rename_damaged(path)
    assert [file.name for file in path.parent.iterdir()] == ["checkpoint.damaged"]
    with pytest.raises(UserError, match="cannot be written"):
        checkpoints.rename_damaged(path)


def test_weights_fit_a_net_of_the_same_names_and_shapes():
    net = nn.Linear(3, 2)
    weights = net.state_dict()
    assert checkpoints.fits_net(weights, net)
    assert not checkpoints.fits_net({"weight": weights["weight"]}, net)
    assert not checkpoints.fits_net({**weights, "more": torch.ones(1)}, net)
    assert not checkpoints.fits_net({**weights, "bias": torch.ones(3)}, net)


def test_weights_are_found_at_home_before_the_shipped_ones(tmp_path, monkeypatch):
    shipped = tmp_path / "demo" / "key.safetensors"
    trained = tmp_path / "stages" / "key" / checkpoints.WEIGHTS
    monkeypatch.setattr(checkpoints, "DEMO", shipped.parent)
    assert checkpoints.weights_path(tmp_path / "stages", "key") is None
    for path in (shipped, trained):
        path.parent.mkdir(parents=True)
        path.touch()
        assert checkpoints.weights_path(tmp_path / "stages", "key") == path


def test_looking_for_weights_needs_no_torch():
    code = (
        "import sys; from pathlib import Path\n"
        "from tsexplorer.training.checkpoints import weights_path\n"
        "weights_path(Path('missing'), 'key'); sys.exit('torch' in sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)

"""The task of a chunk, as a worker runs it."""

from __future__ import annotations

import pickle
from pathlib import Path

import cloudpickle
import pytest

from tests.students.student_examples import make_request, make_student
from tsexplorer import __version__
from tsexplorer.errors import UserError
from tsexplorer.settings import get_settings
from tsexplorer.specs import DataSpec
from tsexplorer.students.dask_task import make_task, run_task

REQUEST = make_request([make_student(2.0, 0.5), make_student(4.0, 0.0)])


def test_scheduler_can_unpickle_a_task_without_this_package() -> None:
    pickled = cloudpickle.dumps(make_task(REQUEST))
    task = pickle.loads(pickled)
    assert task.__name__ == f"chunk_{REQUEST.chunk.key}"
    # The task is pickled by its code, and its request as bytes within it.
    content = [cell.cell_contents for cell in task.__closure__]
    assert pickle.dumps(REQUEST) in content
    assert all(isinstance(value, str | bytes) for value in content)


def test_worker_of_another_version_says_so() -> None:
    match = rf"^On .*: the worker has version {__version__} of this program and the client 0\.0\.9;"
    with pytest.raises(UserError, match=match):
        run_task("key", "0.0.9", b"")


@pytest.mark.parametrize("content", [b"", pickle.dumps(REQUEST)])
def test_worker_with_other_files_of_a_version_says_so(content: bytes) -> None:
    with pytest.raises(UserError, match=r"the files of this program differ between worker and cli"):
        run_task("key", __version__, content)


def test_worker_without_the_data_names_its_folder(home: Path) -> None:
    request = make_request([make_student(data=DataSpec(name="mnist"))])
    with pytest.raises(UserError, match=rf"the images of mnist are not in {home / 'data'}; put"):
        make_task(request)()


def test_worker_trains_on_the_device_of_its_own_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TSEXPLORER_DEVICE", "cuda:99")
    get_settings.cache_clear()
    with pytest.raises(UserError, match=r"^On .*: The device 'cuda:99' is not on this machine"):
        make_task(REQUEST)()

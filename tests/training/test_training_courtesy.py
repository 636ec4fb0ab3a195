import threading
import time

import pytest

from tsexplorer.training import control as module
from tsexplorer.training.control import Control, PagePriority

LITTLE = 0.05


@pytest.fixture(autouse=True)
def _brief(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_WAIT_SECONDS", 4 * LITTLE)


def test_nobody_there_nothing_waited() -> None:
    assert Control(PagePriority()).check() == 0.0


def test_training_goes_on_once_the_page_is_drawn() -> None:
    page_priority = PagePriority()
    drawn = threading.Event()

    def draw() -> None:
        with page_priority.drawing_page():
            began.set()
            time.sleep(LITTLE)
            drawn.set()

    began = threading.Event()
    page = threading.Thread(target=draw)
    page.start()
    began.wait()
    waited = Control(page_priority).check()
    assert drawn.is_set()
    assert 0 < waited < 4 * LITTLE
    page.join()


def test_a_slow_page_is_not_waited_for_to_its_end() -> None:
    page_priority = PagePriority()
    with page_priority.drawing_page():
        assert page_priority.yield_to_page() == pytest.approx(4 * LITTLE, abs=2 * LITTLE)


def test_however_many_come_training_has_half_of_the_time() -> None:
    page_priority = PagePriority()
    with page_priority.drawing_page():
        waited = page_priority.yield_to_page()
        with page_priority.drawing_page():  # a new page, which would be waited for as long again
            assert page_priority.yield_to_page() == 0.0
            time.sleep(waited)
            assert page_priority.yield_to_page() > 0.0


def test_a_page_that_fails_is_waited_for_no_longer() -> None:
    page_priority = PagePriority()
    with pytest.raises(RuntimeError), page_priority.drawing_page():
        raise RuntimeError
    assert page_priority.yield_to_page() == 0.0

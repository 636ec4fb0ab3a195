import threading
import time

import pytest

from tsexplorer.training import control as module
from tsexplorer.training.control import Control, Courtesy

LITTLE = 0.05


@pytest.fixture(autouse=True)
def _brief(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "LONGEST_SECONDS", 4 * LITTLE)


def test_nobody_there_nothing_waited() -> None:
    assert Control(Courtesy()).check() == 0.0


def test_training_goes_on_once_the_page_is_drawn() -> None:
    courtesy = Courtesy()
    drawn = threading.Event()

    def draw() -> None:
        with courtesy.visit():
            began.set()
            time.sleep(LITTLE)
            drawn.set()

    began = threading.Event()
    page = threading.Thread(target=draw)
    page.start()
    began.wait()
    waited = Control(courtesy).check()
    assert drawn.is_set()
    assert 0 < waited < 4 * LITTLE
    page.join()


def test_a_slow_page_is_not_waited_for_to_its_end() -> None:
    courtesy = Courtesy()
    with courtesy.visit():
        assert courtesy.give_way() == pytest.approx(4 * LITTLE, abs=2 * LITTLE)


def test_however_many_come_training_has_half_of_the_time() -> None:
    courtesy = Courtesy()
    with courtesy.visit():
        waited = courtesy.give_way()
        with courtesy.visit():  # a new page, which would be waited for as long again
            assert courtesy.give_way() == 0.0
            time.sleep(waited)
            assert courtesy.give_way() > 0.0


def test_a_page_that_fails_is_waited_for_no_longer() -> None:
    courtesy = Courtesy()
    with pytest.raises(RuntimeError), courtesy.visit():
        raise RuntimeError
    assert courtesy.give_way() == 0.0

"""Actions on the page Try an image under AppTest, and what it shows."""

from __future__ import annotations

from typing import Any

from streamlit.testing.v1 import AppTest

from tests.pages.conftest import no_exception

CARDS = 3


def upload(page: AppTest, *files: tuple[str, bytes]) -> None:
    """Choose files in the file uploader."""
    uploads = [(name, content, "application/octet-stream") for name, content in files]
    page.file_uploader(key="digit_files").set_value(uploads).run()
    no_exception(page)


def answers(page: AppTest) -> list[str]:
    """The answer on each card, digit by digit, in the order teacher, baseline, distilled."""
    return [card.value for card in page.metric if any(mark in card.label for mark in "■●◆")]


def scores(page: AppTest) -> list[str]:
    """The scores of teacher, baseline and distilled student, such as "1 of 1"."""
    return [card.value for card in page.metric][-CARDS:]


def marks(page: AppTest) -> list[Any]:
    """The buttons Correct / Wrong below the cards."""
    controls = page.segmented_control
    return [control for control in controls if (control.key or "").startswith("digit_mark_")]


def mark_values(page: AppTest) -> list[str | None]:
    """The marks that are set."""
    return [control.value for control in marks(page)]

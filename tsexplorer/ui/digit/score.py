"""The score of the session: how often each net was right, as the user marks it."""

from __future__ import annotations

import csv
import hashlib
import io
import zipfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

import numpy as np
import streamlit as st
from numpy.typing import NDArray
from PIL import Image

from tsexplorer.analysis.formatting import percent
from tsexplorer.plots.style import TITLES
from tsexplorer.specs import ROLES, Role
from tsexplorer.ui.theme import card, escaped, role_label

SCORE = "digit.score"
"""Session key of the marked images."""
MARK_TITLES = {True: "Correct", False: "Wrong"}
Marks = dict[Role, bool]


@dataclass(frozen=True, eq=False)
class Entry:
    """An image, the answers of the nets, and the user's marks.

    Attributes:
        name: of its picture.
        pixels: the net input, uint8 H×W or H×W×3.
        answers: class names, by net.
        confidence: probability of that class at T = 1, by net.
        marks: whether a net was right, for the nets that are marked.
    """

    name: str
    pixels: NDArray[np.uint8]
    answers: Mapping[Role, str]
    confidence: Mapping[Role, float]
    marks: Marks = field(default_factory=dict)


def apply_mark(answers: Mapping[Role, str], marks: Marks, role: Role, right: bool | None) -> Marks:
    """Return the marks of an image after the user has marked one net.

    A right answer makes the same answers right and all others wrong. A wrong answer makes the same
    answers wrong and leaves the others as they are.

    >>> apply_mark({"teacher": "7", "baseline": "1", "distilled": "7"}, {}, "teacher", True)
    {'teacher': True, 'baseline': False, 'distilled': True}
    >>> apply_mark({"teacher": "7", "baseline": "1", "distilled": "7"}, {}, "distilled", False)
    {'teacher': False, 'distilled': False}

    Args:
        answers: of all nets to this image.
        marks: before.
        role: the net that was marked.
        right: its mark; None removes it.
    """
    if right is None:
        return {net: mark for net, mark in marks.items() if net != role}
    if right:
        return {net: answer == answers[role] for net, answer in answers.items()}
    same = {net for net, answer in answers.items() if answer == answers[role]}
    updated = {**marks, **dict.fromkeys(same, False)}
    return {net: updated[net] for net in answers if net in updated}


def count_correct(entries: Iterable[Entry]) -> dict[Role, tuple[int, int]]:
    """Return how many answers of each net are marked right, and how many are marked."""
    counts: dict[Role, tuple[int, int]] = {}
    for entry in entries:
        for role, right in entry.marks.items():
            correct, marked = counts.get(role, (0, 0))
            counts[role] = (correct + right, marked + 1)
    return counts


def pack_entries(entries: Iterable[Entry]) -> bytes:
    """Return a ZIP file with each net input as PNG, and a table of the answers and marks."""
    listed = list(entries)
    roles = [role for role in ROLES if any(role in entry.answers for entry in listed)]
    table = io.StringIO()
    writer = csv.writer(table)
    columns = [
        f"{TITLES[role]} {column}" for role in roles for column in ("answer", "confidence", "mark")
    ]
    writer.writerow(["file", "picture", *columns])
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as packed:
        for number, entry in enumerate(listed, 1):
            png = io.BytesIO()
            Image.fromarray(entry.pixels).save(png, "PNG")
            packed.writestr(f"{number:03}.png", png.getvalue())
            cells = [cell for role in roles for cell in _table_cells(entry, role)]
            writer.writerow([f"{number:03}.png", entry.name, *cells])
        packed.writestr("answers.csv", table.getvalue())
    return content.getvalue()


def _table_cells(entry: Entry, role: Role) -> list[str]:
    """Return answer, confidence and mark of a net; empty where there is none."""
    confidence, mark = entry.confidence.get(role), entry.marks.get(role)
    return [
        entry.answers.get(role, ""),
        "" if confidence is None else f"{confidence:.6f}",
        "" if mark is None else MARK_TITLES[mark].lower(),
    ]


def answer_key(pixels: NDArray[np.uint8], nets: Iterable[str]) -> str:
    """Return the identity of an answer: the same input to the same nets counts once.

    Args:
        pixels: the net input.
        nets: hashes of their stages.
    """
    digest = hashlib.blake2b(pixels.tobytes(), digest_size=8)
    for net in nets:
        digest.update(net.encode())
    return digest.hexdigest()


def session_entries() -> dict[str, Entry]:
    """Return the images marked in this session by their key, oldest first."""
    entries: dict[str, Entry] = st.session_state.setdefault(SCORE, {})
    return entries


def mark_buttons(key: str, entry: Entry, role: Role) -> None:
    """Draw the two buttons that mark a net's answer right or wrong."""
    widget_key = _mark_key(key, role)
    if widget_key not in st.session_state:  # Streamlit forgot it while the image was not shown
        stored = session_entries().get(key)
        mark = stored.marks.get(role) if stored else None
        st.session_state[widget_key] = None if mark is None else MARK_TITLES[mark]
    st.segmented_control(
        f"{TITLES[role]}: is {escaped(entry.answers[role])} correct?",
        tuple(MARK_TITLES.values()),
        key=widget_key,
        label_visibility="collapsed",
        on_change=_mark,
        args=(key, entry, role),
    )


def show_score() -> None:
    """Draw the score of each net, and the download of the images that were answered wrong."""
    marked = [entry for entry in session_entries().values() if entry.marks]
    st.subheader("Score", anchor=False)
    if not marked:
        st.caption("Mark an answer right or wrong to start the score.")
        return
    counts = count_correct(marked)
    for column, role in zip(st.columns(3), ROLES, strict=True):
        with column:
            _show_count(role, *counts.get(role, (0, 0)))
    wrong = [entry for entry in marked if False in entry.marks.values()]
    with st.container(horizontal=True):
        if wrong:
            images = "the wrong one" if len(wrong) == 1 else f"the {len(wrong)} wrong ones"
            st.download_button(
                f"Download {images}",
                pack_entries(wrong),
                file_name="wrong-images.zip",
                mime="application/zip",
                key="digit_wrong",
                icon=":material/download:",
                on_click="ignore",
            )
        st.button("Reset the score", key="digit_anew", icon=":material/replay:", on_click=_reset)


def _show_count(role: Role, correct: int, marked: int) -> None:
    if marked:
        share = percent(correct / marked, 0)
        card(
            role_label(role),
            f"{correct} of {marked}",
            f"correct, {share}; as marked in this session",
        )
    else:
        card(role_label(role), "–", "not marked yet")


def _mark_key(key: str, role: Role) -> str:
    return f"digit_mark_{key}_{role}"


def _mark(key: str, entry: Entry, role: Role) -> None:
    title = st.session_state[_mark_key(key, role)]
    right = None if title is None else title == MARK_TITLES[True]
    before = session_entries().get(key, entry).marks
    marks = apply_mark(entry.answers, before, role, right)
    session_entries()[key] = Entry(entry.name, entry.pixels, entry.answers, entry.confidence, marks)
    for net in entry.answers:
        mark = marks.get(net)
        st.session_state[_mark_key(key, net)] = None if mark is None else MARK_TITLES[mark]


def _reset() -> None:
    for key in session_entries():
        for role in ROLES:
            st.session_state.pop(_mark_key(key, role), None)
    st.session_state[SCORE] = {}

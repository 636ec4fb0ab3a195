"""The running score: who was right, as the audience says; it goes with the session."""

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
from tsexplorer.ui.theme import card, role_label

SCORE = "digit.score"
WORDS = {True: "Correct", False: "Wrong"}
Marks = dict[Role, bool]


@dataclass(frozen=True, eq=False)
class Entry:
    """One digit that was answered.

    Attributes:
        name: of its picture.
        pixels: the net input, uint8 28×28.
        answers: name of a class, by net.
        confidence: probability of that class at T = 1, by net.
        marks: whether a net was right, where somebody said so.
    """

    name: str
    pixels: NDArray[np.uint8]
    answers: Mapping[Role, str]
    confidence: Mapping[Role, float]
    marks: Marks = field(default_factory=dict)


def marked(answers: Mapping[Role, str], marks: Marks, role: Role, right: bool | None) -> Marks:
    """The marks once somebody has said whether one net is right.

    What is right for one is wrong for whoever answered otherwise; what is wrong for one is wrong
    for whoever answered the same, and leaves the others open.

    >>> marked({"teacher": "7", "baseline": "1", "distilled": "7"}, {}, "teacher", True)
    {'teacher': True, 'baseline': False, 'distilled': True}
    >>> marked({"teacher": "7", "baseline": "1", "distilled": "7"}, {}, "distilled", False)
    {'teacher': False, 'distilled': False}

    Args:
        answers: of all nets to this digit.
        marks: as they stood.
        role: whose answer was marked.
        right: what was said; None takes it back.
    """
    if right is None:
        return {one: mark for one, mark in marks.items() if one != role}
    if right:
        return {one: answer == answers[role] for one, answer in answers.items()}
    same = {one for one, answer in answers.items() if answer == answers[role]}
    kept = {**marks, **dict.fromkeys(same, False)}
    return {one: kept[one] for one in answers if one in kept}


def tally(entries: Iterable[Entry]) -> dict[Role, tuple[int, int]]:
    """How often each net was right, and how often somebody said."""
    counts: dict[Role, tuple[int, int]] = {}
    for entry in entries:
        for role, right in entry.marks.items():
            hits, all_ = counts.get(role, (0, 0))
            counts[role] = (hits + right, all_ + 1)
    return counts


def archive(entries: Iterable[Entry]) -> bytes:
    """A ZIP file: each net input as PNG, and a table of the answers and marks."""
    listed = list(entries)
    roles = [role for role in ROLES if any(role in entry.answers for entry in listed)]
    table = io.StringIO()
    writer = csv.writer(table)
    columns = [
        f"{TITLES[role]} {what}" for role in roles for what in ("answer", "confidence", "mark")
    ]
    writer.writerow(["file", "picture", *columns])
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as packed:
        for number, entry in enumerate(listed, 1):
            png = io.BytesIO()
            Image.fromarray(entry.pixels).save(png, "PNG")
            packed.writestr(f"{number:03}.png", png.getvalue())
            cells = []
            for role in roles:
                mark = entry.marks.get(role)
                sure = entry.confidence.get(role)
                cells += [
                    entry.answers.get(role, ""),
                    "" if sure is None else f"{sure:.6f}",
                    "" if mark is None else WORDS[mark].lower(),
                ]
            writer.writerow([f"{number:03}.png", entry.name, *cells])
        packed.writestr("answers.csv", table.getvalue())
    return content.getvalue()


def key_of(pixels: NDArray[np.uint8], nets: Iterable[str]) -> str:
    """What an answer is known by: the same input to the same nets counts once."""
    digest = hashlib.blake2b(pixels.tobytes(), digest_size=8)
    for net in nets:
        digest.update(net.encode())
    return digest.hexdigest()


def entries() -> dict[str, Entry]:
    """What has been marked in this session, in the order in which it was."""
    score: dict[str, Entry] = st.session_state.setdefault(SCORE, {})
    return score


def marks_of(key: str, entry: Entry, role: Role) -> None:
    """Two buttons: was this net right?"""
    slot = _slot(key, role)
    if slot not in st.session_state:  # the digit was gone for a while and is back
        known = entries().get(key)
        mark = known.marks.get(role) if known else None
        st.session_state[slot] = None if mark is None else WORDS[mark]
    st.segmented_control(
        f"{TITLES[role]}: is {entry.answers[role]} correct?",
        tuple(WORDS.values()),
        key=slot,
        label_visibility="collapsed",
        on_change=_mark,
        args=(key, entry, role),
    )


def board() -> None:
    """The tally of each net, and the wrong ones to take away."""
    marked_ = {key: entry for key, entry in entries().items() if entry.marks}
    st.subheader("Score", anchor=False)
    counts = tally(marked_.values())
    if not counts:
        st.caption("Say of an answer whether it is correct, and the score begins.")
        return
    for column, role in zip(st.columns(3), ROLES, strict=True):
        hits, all_ = counts.get(role, (0, 0))
        with column:
            card(
                role_label(role),
                f"{hits} of {all_}" if all_ else "–",
                f"correct, {percent(hits / all_, 0)}; as marked in this session"
                if all_
                else "not marked yet",
            )
    wrong = [entry for entry in marked_.values() if False in entry.marks.values()]
    with st.container(horizontal=True):
        if wrong:
            many = "the wrong one" if len(wrong) == 1 else f"the {len(wrong)} wrong ones"
            st.download_button(
                f"Download {many}",
                archive(wrong),
                file_name="wrong-digits.zip",
                mime="application/zip",
                key="digit_wrong",
                icon=":material/download:",
                on_click="ignore",
            )
        st.button(
            "Start the score anew", key="digit_anew", icon=":material/replay:", on_click=_anew
        )


def _slot(key: str, role: Role) -> str:
    return f"digit_mark_{key}_{role}"


def _mark(key: str, entry: Entry, role: Role) -> None:
    said = st.session_state[_slot(key, role)]
    right = None if said is None else said == WORDS[True]
    before = entries().get(key, entry).marks
    after = marked(entry.answers, before, role, right)
    entries()[key] = Entry(entry.name, entry.pixels, entry.answers, entry.confidence, after)
    for one in entry.answers:
        st.session_state[_slot(key, one)] = WORDS[after[one]] if one in after else None


def _anew() -> None:
    for key in entries():
        for role in ROLES:
            st.session_state.pop(_slot(key, role), None)
    st.session_state[SCORE] = {}

"""What the Soft targets page looks at: nets, images, T; and the URL that names it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import streamlit as st

from tsexplorer.errors import UserError
from tsexplorer.objectives import get_objective, teachers_of
from tsexplorer.plots.style import TITLES
from tsexplorer.services import ExperimentSnapshot, Service, StageSnapshot
from tsexplorer.services.inference import Images
from tsexplorer.specs import ROLES, Role
from tsexplorer.ui.theme import escaped
from tsexplorer.ui.url_state import adopt, number_within, one_of, publish, whole_within

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from tsexplorer.analysis.inference import SplitName

# Session slots; the URL has the same values under the names in the second column.
TEMPERATURE = ("soft.T", "T")
IMAGE = ("soft.image", "image")
SPLIT = ("soft.split", "split")
VIEW = ("soft.view", "view")
DEFAULTS = {TEMPERATURE[0]: 4.0, IMAGE[0]: -1, SPLIT[0]: "validation", VIEW[0]: "lens"}
# Streamlit forgets the value of a widget that a run did not draw; this is no widget's.
KEPT = "_soft.kept"
DRAWN = "_soft.drawn"
"""The view of the last run."""

VIEWS = {
    "lens": "One image",
    "classes": "Classes",
    "images": "Which images teach most",
    "changes": "What distillation changed",
    "map": "Map of features",
    "loss": "Loss of one image",
}
SPLITS = ("validation", "test")


@dataclass(frozen=True, eq=False)
class Sight:
    """Everything a view may look at.

    Attributes:
        experiment: whose nets.
        stages: the nets of one seed, by role; those whose answers could be had.
        images: of the split.
        logits: N×C by role; the teacher's are the ensemble's where there are several.
        temperature: T in force.
        place: which image, its place in the split.
        split: which split.
        service: for what takes longer to get.
    """

    experiment: ExperimentSnapshot
    stages: dict[Role, StageSnapshot]
    images: Images
    logits: dict[Role, NDArray[np.float32]]
    temperature: float
    place: int
    split: SplitName
    service: Service

    @property
    def label(self) -> int:
        """True class of the image."""
        return int(self.images.labels_N[self.place])

    @property
    def lam(self) -> float:
        """Weight of the labels in the experiment; a half where it has none."""
        spec = self.experiment.spec.objective
        return spec.lam if get_objective(spec.name).uses_lambda else 0.5

    @property
    def students(self) -> tuple[Role, ...]:
        """Baseline and distilled, as far as they are there; distilled first."""
        return tuple(role for role in ("distilled", "baseline") if role in self.logits)

    @property
    def words(self) -> str:
        """Where the figures come from: split, data, seed."""
        seed = next(iter(self.stages.values())).spec.seed
        several = len(teachers_of(self.experiment.spec))
        all_of = f" Teacher: all {several} averaged, as they teach." if several > 1 else ""
        return f"{self.images.words[0].upper()}{self.images.words[1:]}; seed {seed}.{all_of}"


def begin() -> None:
    """Take T, image, split and view from the URL, once per change."""
    for slot, value in st.session_state.get(KEPT, DEFAULTS).items():
        st.session_state.setdefault(slot, value)
    adopt(TEMPERATURE[1], number_within(0.5, 50.0), TEMPERATURE[0])
    adopt(IMAGE[1], whole_within(0, 10**6), IMAGE[0])
    adopt(SPLIT[1], one_of(SPLITS), SPLIT[0])
    adopt(VIEW[1], one_of(tuple(VIEWS)), VIEW[0])
    view = st.session_state[VIEW[0]]
    if st.session_state.get(DRAWN) != view:
        # Streamlit tells the browser a value only if it was set in the run that draws its widget.
        for slot in (TEMPERATURE[0], IMAGE[0]):
            st.session_state[slot] = st.session_state[slot]
        st.session_state[DRAWN] = view


def remember() -> None:
    """Put T, image, split and view into the URL, and keep them for views without their widget."""
    for slot, key in (TEMPERATURE, IMAGE, SPLIT, VIEW):
        publish(key, slot)
    st.session_state[KEPT] = {slot: st.session_state[slot] for slot in DEFAULTS}


def look(service: Service, experiment: ExperimentSnapshot, seed: int) -> Sight:
    """Ask the nets of one seed; one that cannot answer is said and left out.

    Raises:
        UserError: the images are not here, or no net can answer.
    """
    split: SplitName = st.session_state[SPLIT[0]]
    images = service.reading.images(experiment.spec.data.name, split)
    stages, logits = {}, {}
    for role in ROLES:
        stage = experiment.stage(seed, role)
        try:
            logits[role] = (
                service.reading.taught(experiment, seed, split)
                if role == "teacher"
                else service.reading.answers(stage, split).logits_NC
            )
            stages[role] = stage
        except UserError as error:
            st.warning(f"{TITLES[role]}: {escaped(str(error))}", icon=":material/warning:")
    if not logits:
        raise UserError("No net of this experiment can answer; train it first.")
    return Sight(
        experiment=experiment,
        stages=stages,
        images=images,
        logits=logits,
        temperature=float(st.session_state[TEMPERATURE[0]]),
        place=_place(images, logits),
        split=split,
        service=service,
    )


def needs_teacher(sight: Sight, *, student: bool = True) -> None:
    """Refuse a view that compares nets where they are not there.

    Raises:
        UserError: the teacher, or every student, is missing.
    """
    if "teacher" not in sight.logits or (student and not sight.students):
        raise UserError("This view compares teacher and student; train both first.")


def open_image(place: int) -> None:
    """Show an image in the lens; a callback."""
    st.session_state[IMAGE[0]] = place
    st.session_state[VIEW[0]] = "lens"


def _place(images: Images, logits: dict[Role, NDArray[np.float32]]) -> int:
    """The image that was asked for; else the one that looks most like another class."""
    size = len(images.labels_N)
    asked = int(st.session_state[IMAGE[0]])
    if not 0 <= asked < size:
        from tsexplorer.analysis.ranking import second_choice

        first = next(iter(logits.values()))
        asked = int(second_choice(first, images.labels_N, 1.0).argmax())
        st.session_state[IMAGE[0]] = asked
    return asked

"""State of the page Soft targets: its URL parameters, and what its views draw from."""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, NamedTuple

import streamlit as st

from tsexplorer.errors import UserError
from tsexplorer.objectives import get_objective, trained_teachers
from tsexplorer.plots.classes import short_names
from tsexplorer.plots.style import TITLES
from tsexplorer.services import ExperimentSnapshot, Service, StageSnapshot
from tsexplorer.services.inference import Images
from tsexplorer.specs import ROLES, Role
from tsexplorer.ui.theme import escaped
from tsexplorer.ui.url_state import (
    integer_within,
    number_within,
    one_of,
    read_parameter,
    write_parameter,
)

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from tsexplorer.analysis.inference import SplitName


class Parameter(NamedTuple):
    """A value of the page: its session key, and its name in the URL."""

    key: str
    url: str


TEMPERATURE = Parameter("soft.T", "T")
IMAGE = Parameter("soft.image", "image")
SPLIT = Parameter("soft.split", "split")
VIEW = Parameter("soft.view", "view")
DEFAULTS = {TEMPERATURE.key: 4.0, IMAGE.key: -1, SPLIT.key: "validation", VIEW.key: "lens"}
SAVED = "_soft.saved"
"""Session key of all values: Streamlit drops the value of a widget that a run does not draw."""
LAST_VIEW = "_soft.last_view"
"""Session key of the view of the last run."""

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
class ViewContext:
    """What a view draws from.

    Attributes:
        experiment: the experiment.
        stages: nets of one seed by role; only those whose logits could be computed.
        images: images of the split.
        logits: N×C by role; of several teachers, those of the ensemble.
        temperature: T.
        index: index of the chosen image in the split.
        split: name of the split.
        service: for results that take longer to compute.
    """

    experiment: ExperimentSnapshot
    stages: dict[Role, StageSnapshot]
    images: Images
    logits: dict[Role, NDArray[np.float32]]
    temperature: float
    index: int
    split: SplitName
    service: Service

    @property
    def label(self) -> int:
        """True class of the chosen image."""
        return int(self.images.labels_N[self.index])

    @property
    def lam(self) -> float:
        """Weight of the labels in the experiment; 0.5 if its objective has none."""
        spec = self.experiment.spec.objective
        return spec.lam if get_objective(spec.name).uses_lambda else 0.5

    @property
    def students(self) -> tuple[Role, ...]:
        """Roles of the students that have logits, distilled first."""
        return tuple(role for role in ("distilled", "baseline") if role in self.logits)

    @property
    def provenance(self) -> str:
        """Split, data, seed and ensemble of the figures, as sentences in markdown."""
        seed = next(iter(self.stages.values())).spec.seed
        teachers = len(trained_teachers(self.experiment.spec))
        ensemble = f" Teacher: the mean of all {teachers} teachers." if teachers > 1 else ""
        description = escaped(self.images.description)
        return f"{description[0].upper()}{description[1:]}; seed {seed}.{ensemble}"

    def class_name(self, index: int) -> str:
        """Name of the true class of an image."""
        return self.images.classes[int(self.images.labels_N[index])]

    @cached_property
    def short_names(self) -> tuple[str, ...]:
        """Names of the classes, shortened to about 14 characters; no two are equal."""
        return short_names(self.images.classes)

    def short_name(self, index: int) -> str:
        """Shortened name of the true class of an image, as markdown."""
        return isolated(escaped(self.short_names[int(self.images.labels_N[index])]))


def isolated(name: str) -> str:
    """Return a name that does not change the order of the text around it.

    A name that is written from right to left gets marks that isolate it.
    """
    has_right_to_left = any(unicodedata.bidirectional(letter) in ("R", "AL") for letter in name)
    return f"\u2068{name}\u2069" if has_right_to_left else name


def read_page_state() -> None:
    """Read T, image, split and view from the URL where they changed, else from the last run."""
    for key, value in st.session_state.get(SAVED, DEFAULTS).items():
        st.session_state.setdefault(key, value)
    read_parameter(TEMPERATURE.url, number_within(0.5, 50.0), TEMPERATURE.key)
    read_parameter(IMAGE.url, integer_within(0, 10**6), IMAGE.key)
    read_parameter(SPLIT.url, one_of(SPLITS), SPLIT.key)
    read_parameter(VIEW.url, one_of(tuple(VIEWS)), VIEW.key)
    view = st.session_state[VIEW.key]
    if st.session_state.get(LAST_VIEW) != view:
        # Streamlit sends a value to the browser only if it is set in the run that draws its widget.
        for key in (TEMPERATURE.key, IMAGE.key):
            st.session_state[key] = st.session_state[key]
        st.session_state[LAST_VIEW] = view


def save_page_state() -> None:
    """Write T, image, split and view to the URL, and save them for views without their widgets."""
    for parameter in (TEMPERATURE, IMAGE, SPLIT, VIEW):
        write_parameter(parameter.url, parameter.key)
    st.session_state[SAVED] = {key: st.session_state[key] for key in DEFAULTS}


def load_context(service: Service, experiment: ExperimentSnapshot, seed: int) -> ViewContext:
    """Compute the logits of the nets of one seed; show a warning for each net that has none.

    Raises:
        UserError: the images are missing, or no net has logits.
    """
    split: SplitName = st.session_state[SPLIT.key]
    images = service.inference.images(experiment.spec.data.name, split)
    stages, logits = {}, {}
    for role in ROLES:
        stage = experiment.stage(seed, role)
        try:
            logits[role] = (
                service.inference.teacher_logits(experiment, seed, split)
                if role == "teacher"
                else service.inference.answers(stage, split).logits_NC
            )
            stages[role] = stage
        except UserError as error:
            st.warning(f"{TITLES[role]}: {escaped(str(error))}", icon=":material/warning:")
    if not logits:
        raise UserError("No net of this experiment has weights; train the experiment first.")
    return ViewContext(
        experiment=experiment,
        stages=stages,
        images=images,
        logits=logits,
        temperature=float(st.session_state[TEMPERATURE.key]),
        index=_image_index(images, logits),
        split=split,
        service=service,
    )


def require_teacher(context: ViewContext, *, student: bool = True) -> None:
    """Check that the nets that a view compares have logits.

    Raises:
        UserError: the teacher is missing, or all students are.
    """
    if "teacher" not in context.logits or (student and not context.students):
        raise UserError("This view compares teacher and student; train both first.")


def open_image(index: int) -> None:
    """Show an image in the lens; a callback."""
    st.session_state[IMAGE.key] = index
    st.session_state[VIEW.key] = "lens"


def _image_index(images: Images, logits: dict[Role, NDArray[np.float32]]) -> int:
    """The image in the session; without one, the image that looks most like another class."""
    size = len(images.labels_N)
    index = int(st.session_state[IMAGE.key])
    if not 0 <= index < size:
        from tsexplorer.analysis.ranking import second_choice

        first = next(iter(logits.values()))
        index = int(second_choice(first, images.labels_N, 1.0).argmax())
        st.session_state[IMAGE.key] = index
    return index

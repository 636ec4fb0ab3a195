"""The pages, the navigation, and the scroll position of a page that has just been opened."""

from __future__ import annotations

from contextlib import AbstractContextManager

import streamlit as st

from tsexplorer.assets import ASSETS, PAGES_FOLDER
from tsexplorer.ui.app_state import drawing_page
from tsexplorer.ui.url_state import EXPERIMENT

TITLE = "Teacher–Student Explorer"
ICON = ASSETS / "icon.svg"
PAGES = {
    "home": ("Home", ":material/school:"),
    "train": ("Train", ":material/model_training:"),
    "data": ("Data", ":material/photo_library:"),
    "try_digit": ("Try an image", ":material/draw:"),
    "soft_targets": ("Soft targets", ":material/blur_on:"),
    "tune": ("Tune", ":material/tune:"),
    "never_seen": ("Never seen", ":material/visibility_off:"),
    "recipes": ("Recipes", ":material/menu_book:"),
    "compare": ("Compare", ":material/compare_arrows:"),
}
OLD_PAGES = ("sweep",)
"""Addresses of pages that became part of another page; each file leads there."""
SCROLL_TARGET = "arrival"
OPENED_PAGE = "_arrived"
"""Session key: the page opened last, and whether its URL named an experiment at that time."""
# Primary buttons: Streamlit writes white on the primary colour, and the primary colour on the page.
# On a dark page no colour is readable both ways, so the colour is light and the text on it dark.
# light-dark() follows the theme, which changes without a run of the script.
# Stale elements: the live view is drawn twice a second while a net trains and must not fade.
# Navigation: without the outline, keyboard focus looks like the current page.
STYLE = f"""<style>
[data-testid="stBaseButton-primary"], [data-testid="stBaseButton-primary"] p,
[data-testid="stMultiSelectTagsContainer"] [data-tag] * {{
    color: light-dark(#FFFFFF, #0B1214) !important;
}}
[data-testid="stElementContainer"][data-stale="true"] {{ opacity: 1 !important; }}
[data-testid="stTopNavLink"]:focus-visible {{
    outline: 2px solid currentColor; outline-offset: -2px;
}}
[data-testid="stLayoutWrapper"]:has(> .st-key-arriving) {{ display: none; }}
.st-key-{SCROLL_TARGET} {{ scroll-margin-top: 4.5rem; }}
</style>"""
# The browser runs the script when its text is new: once for each page opened, not in every run. The
# address may still be that of the previous page, so an anchor counts only if it belongs to this
# one. Elements above the target may appear after it, so the target is looked up several times.
SCROLL_SCRIPT = """<script>
// {page}
(() => {{
    const main = document.querySelector('[data-testid="stMain"]');
    if (!main || (location.hash && location.pathname.endsWith("/{page}"))) return;
    main.scrollTo(0, 0);
    if (!{to_target}) return;
    const end = Date.now() + 5000;
    let attempts = 0;
    const attempt = () => {{
        const target = document.querySelector(".st-key-{target}");
        if (target && target.getBoundingClientRect().top > innerHeight / 2) target.scrollIntoView();
        if (target) attempts += 1;
        if (attempts < 8 && Date.now() < end) setTimeout(attempt, 150);
    }};
    attempt();
}})();
</script>"""


def path_of(name: str) -> str:
    """Return the file of a page, as ``st.switch_page`` and ``st.page_link`` take it."""
    return str(PAGES_FOLDER / f"{name}.py")


def route() -> None:
    """Draw the navigation and run the page that the URL names."""
    # A file of the app: a :material/…: icon would be fetched from another machine.
    st.set_page_config(page_title=TITLE, page_icon=str(ICON), layout="wide")
    st.logo(str(ICON), size="large")
    st.html(STYLE)
    pages = [
        st.Page(
            path_of(name),
            title=title,
            icon=icon,
            url_path=name,
            default=name == "home",
        )
        for name, (title, icon) in PAGES.items()
    ]
    pages += [
        st.Page(path_of(name), title=name, url_path=name, visibility="hidden") for name in OLD_PAGES
    ]
    page = st.navigation(pages, position="top")
    set_scroll_position(page.url_path)
    with drawing_page():
        page.run()


def set_scroll_position(page: str) -> None:
    """Scroll a page that has just been opened to its top, or to its scroll target.

    Without this, a page that a button opens keeps the scroll position of the page before. On a
    phone, after "Run it" far down among the recipes, the run on Train would be out of view.

    Args:
        page: its name in the URL.
    """
    state = st.session_state
    if state.get(OPENED_PAGE, (None,))[0] != page:
        state[OPENED_PAGE] = (page, EXPERIMENT in st.query_params)
    to_target = "true" if state[OPENED_PAGE][1] else "false"
    script = SCROLL_SCRIPT.format(page=page, to_target=to_target, target=SCROLL_TARGET)
    with st.container(key="arriving"):
        st.html(script, unsafe_allow_javascript=True)


def scroll_target() -> AbstractContextManager[object]:
    """Return the container that is scrolled to if the URL named an experiment."""
    return st.container(key=SCROLL_TARGET)

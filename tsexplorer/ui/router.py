"""Which pages there are, and how a visit finds its way to one."""

from __future__ import annotations

import streamlit as st

from tsexplorer.assets import ASSETS, PAGES_FOLDER
from tsexplorer.ui import scroll
from tsexplorer.ui.app_state import visit

TITLE = "Teacher–Student Explorer"
ICON = ASSETS / "icon.svg"
# Streamlit writes white on the primary colour, and the primary colour on the page. On a dark page
# no colour is readable both ways, so it is light, and what is written on it is dark.
# What is drawn anew twice a second while a net trains must not fade in between.
# Where the keyboard is in the navigation, Streamlit shows as it shows which page is open.
# light-dark() goes by the theme in force, which changes without a run of the script.
STYLE = """<style>
[data-testid="stBaseButton-primary"], [data-testid="stBaseButton-primary"] p,
[data-testid="stMultiSelectTagsContainer"] [data-tag] * {
    color: light-dark(#FFFFFF, #0B1214) !important;
}
[data-testid="stElementContainer"][data-stale="true"] { opacity: 1 !important; }
[data-testid="stTopNavLink"]:focus-visible {
    outline: 2px solid currentColor; outline-offset: -2px;
}
%s</style>"""
OLD_PAGES = ("sweep",)
"""Addresses of pages that became part of another page; each file leads there."""
PAGES = {
    "home": ("Home", ":material/school:"),
    "train": ("Train", ":material/model_training:"),
    "try_digit": ("Try a digit", ":material/draw:"),
    "soft_targets": ("Soft targets", ":material/blur_on:"),
    "tune": ("Tune", ":material/tune:"),
    "never_seen": ("Never seen", ":material/visibility_off:"),
    "recipes": ("Recipes", ":material/menu_book:"),
    "compare": ("Compare", ":material/compare_arrows:"),
}


def path_of(name: str) -> str:
    """The file of a page, as ``st.switch_page`` and ``st.page_link`` want it."""
    return str(PAGES_FOLDER / f"{name}.py")


def route() -> None:
    """Draw the navigation and run the page that the URL names."""
    # A file of ours: a :material/…: icon would be fetched from another machine.
    st.set_page_config(page_title=TITLE, page_icon=str(ICON), layout="wide")
    st.logo(str(ICON), size="large")
    st.html(STYLE % scroll.STYLE)
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
    scroll.arrive(page.url_path)
    with visit():
        page.run()

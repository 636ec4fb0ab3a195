"""Where one is when a page has been opened: at its top, or at what it was opened for.

A page that a button opens would keep the scroll position of the page before. On a phone, after
"Run it" far down among the recipes, neither the top of Train nor the run would be seen.
"""

from __future__ import annotations

from contextlib import AbstractContextManager

import streamlit as st

from tsexplorer.ui.url_state import EXPERIMENT

GOAL = "arrival"
STYLE = f"""
[data-testid="stLayoutWrapper"]:has(> .st-key-arriving) {{ display: none; }}
.st-key-{GOAL} {{ scroll-margin-top: 4.5rem; }}
"""
# Runs where its text is new: when the page is another one, and not in every run of it. The address
# may still be that of the page before; an anchor is heeded where it belongs to this one. What is
# above the goal may come after it, so that it is looked for more than once.
SCRIPT = """<script>
// {page}
(() => {{
    const main = document.querySelector('[data-testid="stMain"]');
    if (!main || (location.hash && location.pathname.endsWith("/{page}"))) return;
    main.scrollTo(0, 0);
    if (!{wanted}) return;
    const end = Date.now() + 5000;
    let looks = 0;
    const look = () => {{
        const goal = document.querySelector(".st-key-{goal}");
        if (goal && goal.getBoundingClientRect().top > innerHeight / 2) goal.scrollIntoView();
        if (goal) looks += 1;
        if (looks < 8 && Date.now() < end) setTimeout(look, 150);
    }};
    look();
}})();
</script>"""
ARRIVED = "_arrived"
"""The page that was opened last, and whether its address named an experiment then."""


def arrive(page: str) -> None:
    """Go to the top of a page that has just been opened, or to its goal if one came for that.

    Args:
        page: its name in the URL.
    """
    state = st.session_state
    if state.get(ARRIVED, (None,))[0] != page:
        state[ARRIVED] = (page, EXPERIMENT in st.query_params)
    wanted = "true" if state[ARRIVED][1] else "false"
    with st.container(key="arriving"):
        st.html(SCRIPT.format(page=page, wanted=wanted, goal=GOAL), unsafe_allow_javascript=True)


def goal() -> AbstractContextManager[object]:
    """The part of a page that one came for whose address names an experiment."""
    return st.container(key=GOAL)

"""What the URL may say, and who wins: the URL where somebody else wrote it, else the session."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from streamlit.testing.v1 import AppTest

from tsexplorer.ui.url_state import number_within, one_of, whole_within


def refuses(read: Callable[[str], object], text: str) -> bool:
    try:
        read(text)
    except ValueError:
        return True
    return False


@pytest.mark.parametrize("text", ["nan", "inf", "-1", "51", "", "x", "1e400"])
def test_numbers_out_of_range_are_refused(text: str) -> None:
    assert refuses(number_within(0.5, 50.0), text)


@pytest.mark.parametrize("text", ["1.5", "-1", "11", "x", ""])
def test_whole_numbers_are_whole_and_in_range(text: str) -> None:
    assert refuses(whole_within(0, 10), text)


def test_readers_give_what_the_text_says() -> None:
    assert number_within(0.5, 50.0)("3.7") == 3.7
    assert whole_within(0, 10)("10") == 10
    assert one_of(("a", "b"))("b") == "b"
    with pytest.raises(ValueError, match="c"):
        one_of(("a", "b"))("c")


def script() -> None:
    import streamlit as st

    from tsexplorer.ui.url_state import adopt, number_within, publish

    st.session_state.setdefault("T", 4.0)
    adopt("T", number_within(0.5, 50.0))
    st.number_input("T", 0.5, 50.0, key="T")
    publish("T")


def opened(**parameters: str) -> AppTest:
    page = AppTest.from_function(script)
    for key, value in parameters.items():
        page.query_params[key] = value
    return page.run()


def test_the_url_sets_the_session_and_the_session_the_url() -> None:
    page = opened(T="7")
    assert page.number_input(key="T").value == 7.0
    page.number_input(key="T").set_value(9.0).run()
    assert page.number_input(key="T").value == 9.0
    assert page.query_params["T"] == "9.0"


def test_nonsense_in_the_url_is_replaced_by_what_is_in_force() -> None:
    page = opened(T="nan")
    assert page.number_input(key="T").value == 4.0
    assert page.query_params["T"] == "4.0"


def test_a_link_followed_later_wins_once_more() -> None:
    page = opened(T="7")
    page.number_input(key="T").set_value(9.0).run()
    page.query_params["T"] = "3.0"
    page.run()
    assert page.number_input(key="T").value == 3.0

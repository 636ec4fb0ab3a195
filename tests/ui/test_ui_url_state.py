"""URL parameters: their parsers, and when they replace values of the session."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from streamlit.testing.v1 import AppTest

from tsexplorer.ui.url_state import integer_within, number_within, one_of


def assert_rejected(parse: Callable[[str], object], text: str) -> None:
    with pytest.raises(ValueError, match="not "):
        parse(text)


@pytest.mark.parametrize("text", ["nan", "inf", "-1", "51", "", "x", "1e400"])
def test_numbers_out_of_range_are_rejected(text: str) -> None:
    assert_rejected(number_within(0.5, 50.0), text)


@pytest.mark.parametrize("text", ["1.5", "-1", "11", "x", ""])
def test_integers_out_of_range_are_rejected(text: str) -> None:
    assert_rejected(integer_within(0, 10), text)


def test_parsers_return_the_value_of_the_text() -> None:
    assert number_within(0.5, 50.0)("3.7") == 3.7
    assert integer_within(0, 10)("10") == 10
    assert one_of(("a", "b"))("b") == "b"
    with pytest.raises(ValueError, match="not one of a, b"):
        one_of(("a", "b"))("c")


def script() -> None:
    import streamlit as st

    from tsexplorer.ui.url_state import number_within, read_parameter, write_parameter

    st.session_state.setdefault("T", 4.0)
    read_parameter("T", number_within(0.5, 50.0))
    st.number_input("T", 0.5, 50.0, key="T")
    write_parameter("T")


def opened(**parameters: str) -> AppTest:
    page = AppTest.from_function(script)
    for key, value in parameters.items():
        page.query_params[key] = value
    return page.run()


def test_url_and_session_follow_each_other() -> None:
    page = opened(T="7")
    assert page.number_input(key="T").value == 7.0
    page.number_input(key="T").set_value(9.0).run()
    assert page.number_input(key="T").value == 9.0
    assert page.query_params["T"] == "9.0"


def test_a_bad_parameter_is_replaced_by_the_sessions_value() -> None:
    page = opened(T="nan")
    assert page.number_input(key="T").value == 4.0
    assert page.query_params["T"] == "4.0"


def test_a_link_opened_later_replaces_the_sessions_value() -> None:
    page = opened(T="7")
    page.number_input(key="T").set_value(9.0).run()
    page.query_params["T"] = "3.0"
    page.run()
    assert page.number_input(key="T").value == 3.0

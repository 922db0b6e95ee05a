"""Texts with places: what stands in a label stays text, and any number has a form."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nagare.model.alert.template import FORMATS, check_template, fill


@pytest.mark.parametrize(
    ("text", "label", "expected"),
    [
        ("{{ host }} is up", "web1", "web1 is up"),
        ("{{host}}", "{{ value }}", "{{ value }}"),
        ("{{ host }}{{ host }}", "{{ host", "{{ host{{ host"),
        ("{{ host }}", "\x1b[31mred\x1b[0m", "␛[31mred␛[0m"),
        ("{{ host }}", "[bold]a[/bold]<b>&amp;", "[bold]a[/bold]<b>&amp;"),
        ("{{ host }}", "\\1 \\g<0> %s {0}", "\\1 \\g<0> %s {0}"),
        ("{{ mount }}", "web1", "–"),
        ("{{ value }} {{ value | percent }}", "", "0.5 50.0%"),
        ("{ value } }}{{", "", "{ value } }}{{"),
    ],
)
def test_a_label_stays_text(text: str, label: str, expected: str) -> None:
    assert check_template(text) == ""
    assert fill(text, {"host": label}, 0.5) == expected


@given(
    st.text(max_size=80),
    st.dictionaries(st.sampled_from(["host", "a"]), st.text(max_size=300)),
    st.floats() | st.none(),
)
def test_any_text_is_filled(text: str, labels: dict[str, str], value: float | None) -> None:
    check_template(text)
    assert isinstance(fill(text + "{{ host }}", labels, value), str)


@given(st.sampled_from(sorted(FORMATS)), st.floats() | st.none())
def test_any_number_has_a_form(form: str, value: float | None) -> None:
    assert fill(f"{{{{ value | {form} }}}}", {}, value)


@pytest.mark.parametrize(
    "text", ["{{ a b }}", "{{ }}", "{{ value | evil }}", "{{ host | bytes }}", "{{ a.b }}", "{{ 1 }}"]
)
def test_what_is_no_place_is_pointed_at(text: str) -> None:
    assert check_template(text)

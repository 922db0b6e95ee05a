"""A close frame's reason fits its frame and stays text."""

from hypothesis import given
from hypothesis import strategies as st

from nagare.server.live.ending import close_reason


@given(st.text(st.characters(codec="utf-8"), max_size=300))
def test_a_reason_is_the_begin_of_the_text_in_whole_characters(text: str) -> None:
    reason = close_reason(text)
    assert text.startswith(reason.decode())
    assert 117 <= len(reason) <= 120 or reason.decode() == text

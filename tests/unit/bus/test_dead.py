"""A dead letter says all that was known of its message."""

from hypothesis import given
from hypothesis import strategies as st

from nagare.bus.dead import dead_letter, read_dead_letter
from nagare.bus.message import Message, check_message
from nagare.bus.protocol import ConsumerSpec

SPEC = ConsumerSpec("work", "reader")


@given(st.text(max_size=700), st.integers(1, 2**53), st.integers(1, 99))
def test_what_went_in_comes_out(reason: str, seq: int, deliveries: int) -> None:
    message = Message("work.a", b"\x00\xff", "the-id", "the-key", {"X-Kind": "bad"})
    letter = dead_letter(SPEC, message, seq, deliveries, reason)
    check_message(Message(letter.subject, letter.data, letter.id, letter.key))
    for value in letter.headers.values():
        assert value == value.strip()
        assert value.isprintable()
        assert value.isascii()
    found = read_dead_letter(letter, 7)
    assert found.message == message
    assert (found.stream, found.consumer, found.seq, found.deliveries) == ("work", "reader", seq, deliveries)
    assert found.dead_seq == 7
    if reason.isascii() and reason.isprintable() and reason.strip() and len(reason) <= 500:
        assert found.reason == " ".join(reason.split())


def test_giving_up_twice_is_once() -> None:
    message = Message("work.a", b"", "the-id")
    first, second = (dead_letter(SPEC, message, 3, 1, reason) for reason in ("one", "other"))
    assert first.id == second.id

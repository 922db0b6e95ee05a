"""Rows of known series: what is found is what was kept, whatever the bytes, the widths and the limit."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from nagare.interop.known_rows import WIDTH_LIMIT_BYTES, KnownRows

# Few letters, a zero byte among them: texts that begin alike, and that differ in zeros at their end alone.
_TEXTS = st.one_of(
    st.text("ab\0", min_size=1, max_size=20).map(str.encode),
    st.integers(1, 2 * WIDTH_LIMIT_BYTES).map(lambda length: b"x" * length),
)
_REQUESTS = st.lists(st.lists(_TEXTS, min_size=1, max_size=12), min_size=1, max_size=6)


class _Sender:
    """Asks for each text of a request, and keeps what is not known under a number of its own."""

    def __init__(self, limit_bytes: int) -> None:
        self._rows = KnownRows(limit_bytes)
        self._numbers: dict[bytes, int] = {}

    def send(self, texts: list[bytes]) -> list[bool]:
        lengths = np.array([len(text) for text in texts])
        padded = np.frombuffer(b"".join(texts) + b"?" * WIDTH_LIMIT_BYTES, np.uint8)
        ends = np.cumsum(lengths)
        found = self._rows.find(padded, ends - lengths, ends)
        numbers = np.array([self._numbers.setdefault(text, len(self._numbers)) for text in texts], np.int32)
        assert found.series[found.is_known].tolist() == numbers[found.is_known].tolist()
        at = np.flatnonzero(~found.is_known)
        self._rows.keep(found, at, numbers[at])
        return [bool(one) for one in found.is_known]


@given(_REQUESTS)
def test_what_was_kept_is_found_and_nothing_else(requests: list[list[bytes]]) -> None:
    sender = _Sender(2**22)
    met: set[bytes] = set()
    for texts in requests:
        assert sender.send(texts) == [text in met for text in texts]
        met.update(text for text in texts if len(text) <= WIDTH_LIMIT_BYTES)


@given(_REQUESTS)
def test_a_small_limit_forgets_but_never_confuses(requests: list[list[bytes]]) -> None:
    sender = _Sender(2000)
    for texts in requests:
        sender.send(texts)


def test_thousands_are_found_in_any_order() -> None:
    sender, chance = _Sender(2**24), np.random.default_rng(1)
    texts = [f"series-{number}".encode() * (1 + number % 9) for number in range(5000)]
    for begin in range(0, 5000, 700):
        assert not any(sender.send(texts[begin : begin + 700]))
    for _ in range(3):
        assert all(sender.send([texts[number] for number in chance.permutation(5000)]))


def test_refused_series_are_asked_for_again() -> None:
    rows, padded = KnownRows(2**20), np.frombuffer(b"a" + bytes(WIDTH_LIMIT_BYTES), np.uint8)
    for _ in range(2):
        found = rows.find(padded, np.array([0]), np.array([1]))
        assert not found.is_known[0]
        rows.keep(found, np.array([0]), np.array([-1], np.int32))

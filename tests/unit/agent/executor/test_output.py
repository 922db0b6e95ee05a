import pytest
from hypothesis import given
from hypothesis import strategies as st

from nagare.agent.executor.masking import MASK
from nagare.agent.executor.output import KeptOutput
from nagare.model.command.result import KEPT_BYTES

SECRET = b"correct horse battery"


def _run(pieces: list[bytes], limit: int, *secrets: bytes) -> tuple[KeptOutput, bytes]:
    output = KeptOutput(limit, secrets)
    told = b"".join(output.take(piece) for piece in pieces) + output.finish()
    return output, told


def test_a_short_stream_is_kept_and_told_whole() -> None:
    output, told = _run([b"one\n", b"two"], 1024)
    assert told == b"one\ntwo"
    assert (output.kept().head, output.kept().dropped_bytes) == (b"one\ntwo", 0)


def test_both_ends_of_a_longer_one_are_kept() -> None:
    lines = [b"%06d\n" % number for number in range(1000)]
    output, told = _run(lines, 10_000, SECRET)
    assert told == b"".join(lines)
    kept = output.kept()
    assert kept.head.startswith(b"000000\n")
    assert kept.tail.endswith(b"000999\n")
    assert (kept.total_bytes, kept.dropped_bytes) == (7000, 0)


@pytest.mark.parametrize("count", [2_000, 20_000, 400_000])
def test_beyond_the_limit_the_end_is_kept_and_nothing_told(count: int) -> None:
    output, told = _run([b"%06d\n" % number for number in range(count)], 10_000, SECRET)
    kept = output.kept()
    assert output.is_over
    assert len(told) <= 10_000
    assert kept.head.startswith(b"000000\n")
    assert kept.tail.endswith(b"%06d\n" % (count - 1))
    assert len(kept.tail) == 5000
    assert kept.total_bytes == 7 * count == len(kept.head) + len(kept.tail) + kept.dropped_bytes


def test_a_gigabyte_needs_no_more_memory_than_a_megabyte() -> None:
    output = KeptOutput(2**20)
    piece = b"y\n" * 2**15
    for _ in range(2**30 // len(piece)):
        output.take(piece)
        assert len(output._raw) < 4 * KEPT_BYTES
    output.finish()
    assert output.kept().total_bytes == 2**30
    assert len(output.kept().tail) == KEPT_BYTES


@given(
    st.lists(st.sampled_from([SECRET, b"x" * 500, b"\n", b"line of text\n", SECRET[:9], b"z" * 9000]), max_size=60),
    st.integers(1, 40_000),
    st.integers(1024, 30_000),
)
def test_no_secret_is_kept_or_told_whatever_the_limit(parts: list[bytes], size: int, limit: int) -> None:
    content = b"".join(parts)
    output, told = _run([content[at : at + size] for at in range(0, len(content), size)], limit, SECRET)
    kept = output.kept()
    for shown in (told, kept.head + MASK + kept.tail):
        assert SECRET not in shown
        # Nor the end of one, which a cut at the limit or in the middle would leave.
        assert SECRET[9:] not in shown
    assert len(kept.head) <= KEPT_BYTES >= len(kept.tail)


def test_the_begin_of_a_secret_at_the_limit_is_not_told() -> None:
    content = b"x" * 1020 + SECRET + b"y" * 100
    _, told = _run([content], 1030, SECRET)
    assert SECRET[:4] not in told

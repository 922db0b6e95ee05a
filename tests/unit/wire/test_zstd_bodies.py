"""Bodies of zstd: whatever comes, the answer is that of the plainest reader, a frame at a time and a piece at a time."""

import sys

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from nagare.errors import BodyTooLargeError, InputError, NagareError
from nagare.wire.codec import unpack

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

MIB = 2**20
LEVEL, WINDOW = zstd.CompressionParameter.compression_level, zstd.CompressionParameter.window_log
SIZED, CHECKED = zstd.CompressionParameter.content_size_flag, zstd.CompressionParameter.checksum_flag
SKIPPED = (0x184D2A50).to_bytes(4, "little") + (3).to_bytes(4, "little") + b"abc"


def _plainly(content: bytes, limit_bytes: int) -> bytes:
    unpacked, remaining = b"", content
    for _ in range(100):
        reader = zstd.ZstdDecompressor(options={zstd.DecompressionParameter.window_log_max: 23})
        while not reader.eof:
            try:
                piece = reader.decompress(remaining, max_length=MIB)
            except zstd.ZstdError as error:
                raise InputError(f"cannot read zstd body: {error}") from error
            unpacked, remaining = unpacked + piece, b""
            if len(unpacked) > limit_bytes:
                raise BodyTooLargeError(
                    f"cannot accept body: it unpacks to more than {limit_bytes} bytes", hint="send smaller batches"
                )
            if not piece and reader.needs_input:
                raise InputError("cannot read zstd body: it ends too early")
        remaining = reader.unused_data
        if not remaining:
            return unpacked
    raise InputError("cannot read zstd body: more than 100 streams in one body")


def _told(content: bytes, limit_bytes: int, *, plainly: bool = False) -> tuple[str, bytes | str]:
    try:
        return "content", _plainly(content, limit_bytes) if plainly else unpack(content, "zstd", limit_bytes)
    except NagareError as error:
        return type(error).__name__, f"{error.message} {error.hint}"


def _frame(content: bytes, *, is_sized: bool, is_checked: bool, parts: int, window: int = 17) -> bytes:
    packer = zstd.ZstdCompressor(options={LEVEL: 3, SIZED: is_sized, CHECKED: is_checked, WINDOW: window})
    step = len(content) // parts + 1
    # What comes in parts has no length in its head: the first part would be written before it is known.
    packed = b"".join(
        packer.compress(content[at : at + step], packer.FLUSH_BLOCK) for at in range(0, len(content), step) if parts > 1
    )
    return packed + packer.compress(b"" if parts > 1 else content, packer.FLUSH_FRAME)


CONTENTS = st.binary(max_size=300) | st.builds(
    lambda part, times: part * times, st.binary(max_size=20), st.sampled_from([0, 1, 1000, 60_000, 3 * MIB // 20])
)
FRAMES = st.just(SKIPPED) | st.builds(
    lambda content, is_sized, is_checked, parts: _frame(content, is_sized=is_sized, is_checked=is_checked, parts=parts),
    CONTENTS,
    st.booleans(),
    st.booleans(),
    st.integers(1, 3),
)
TAILS = st.just(b"") | st.binary(max_size=20) | st.just(b"\x28\xb5\x2f\xfd") | FRAMES.map(lambda frame: frame[:-1])
LIMITS = st.sampled_from([0, 1, 299, 300, 4000, MIB - 1, MIB, MIB + 1, 2 * MIB, 10 * MIB])


@given(st.lists(FRAMES, max_size=3), TAILS, LIMITS)
def test_any_body_is_answered_as_the_plain_reader_does(frames: list[bytes], tail: bytes, limit_bytes: int) -> None:
    body = b"".join(frames) + tail
    assert _told(body, limit_bytes) == _told(body, limit_bytes, plainly=True)


@given(FRAMES, st.integers(0, 10_000), st.integers(1, 255), LIMITS)
@example(_frame(bytes(100), is_sized=True, is_checked=True, parts=1), -1, 1, MIB)
def test_a_damaged_body_is_answered_as_the_plain_reader_does(
    frame: bytes, place: int, flip: int, limit_bytes: int
) -> None:
    broken = bytearray(frame)
    broken[place % len(broken)] ^= flip
    body = bytes(broken)
    assert _told(body, limit_bytes) == _told(body, limit_bytes, plainly=True)


@given(st.binary(max_size=300), st.integers(1, 40), st.integers(0, 40))
def test_a_limit_is_exact_wherever_frames_begin(content: bytes, count: int, short: int) -> None:
    body = _frame(content, is_sized=True, is_checked=False, parts=1) * count
    limit_bytes = len(content) * count - short
    if short > 0 and limit_bytes >= 0:
        with pytest.raises(BodyTooLargeError, match=f"more than {limit_bytes} bytes"):
            unpack(body, "zstd", limit_bytes)
    elif limit_bytes >= 0:
        assert unpack(body, "zstd", limit_bytes) == content * count


@pytest.mark.parametrize("tail", [b"", b"rubbish", b"\x28\xb5\x2f\xfd"])
@pytest.mark.parametrize("count", [1, 2, 99, 100, 101])
def test_a_hundred_frames_are_read_and_nothing_behind_them(count: int, tail: bytes) -> None:
    body = _frame(b"abc", is_sized=True, is_checked=False, parts=1) * count + tail
    kind, told = _told(body, MIB)
    assert (kind, told) == _told(body, MIB, plainly=True)
    assert (kind == "content") == (count <= 100 and not tail)
    assert ("more than 100 streams" in str(told)) == (count > 100 or (count == 100 and bool(tail)))


@pytest.mark.parametrize(("window", "is_accepted"), [(23, True), (24, False)])
def test_a_window_of_more_than_eight_mebibytes_is_refused(window: int, *, is_accepted: bool) -> None:
    body = _frame(b"0123456789" * 10_000, is_sized=False, is_checked=False, parts=2, window=window)
    if is_accepted:
        assert unpack(body, "zstd", MIB) == b"0123456789" * 10_000
    else:
        with pytest.raises(InputError, match="cannot read zstd body"):
            unpack(body, "zstd", MIB)


def test_a_length_in_the_head_that_is_a_lie_is_refused() -> None:
    honest = _frame(bytes(range(200)), is_sized=True, is_checked=False, parts=1)
    assert honest[4:6] == bytes((0x20, 200))
    for lie in (0, 199, 201, 255):
        with pytest.raises(InputError, match="cannot read zstd body"):
            unpack(honest[:5] + bytes((lie,)) + honest[6:], "zstd", MIB)


def test_a_huge_length_in_the_head_takes_no_memory() -> None:
    # Single segment, eight bytes of length: the window is as large as what is promised.
    head = b"\x28\xb5\x2f\xfd\xe0" + (2**40).to_bytes(8, "little")
    with pytest.raises(InputError, match="cannot read zstd body"):
        unpack(head + b"\x01\x00\x00", "zstd", MIB)


def test_frames_to_be_skipped_change_nothing() -> None:
    content = bytes(range(256)) * 20
    frame = _frame(content, is_sized=True, is_checked=True, parts=1)
    assert unpack(SKIPPED + frame + SKIPPED, "zstd", len(content)) == unpack(frame, "zstd", len(content)) == content

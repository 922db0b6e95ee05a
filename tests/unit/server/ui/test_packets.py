"""Packets of a dashboard: whole, bounded, and nothing is made of what is none."""

import asyncio

import pytest

from nagare.errors import InputError
from nagare.server.ui.packets import begin, pack, pack_told, read_packets


def _reader(*content: bytes) -> asyncio.StreamReader:
    reader = asyncio.StreamReader(limit=1024)
    for piece in content:
        reader.feed_data(piece)
    reader.feed_eof()
    return reader


async def _all(reader: asyncio.StreamReader) -> list[tuple[bytes, bytes]]:
    return [packet async for packet in read_packets(reader)]


async def test_packets_come_back_as_they_went() -> None:
    sent = pack(b"D", b"\x1b[31mred") + pack_told(type="exit") + pack(b"D", b"")
    found = await _all(_reader(*(sent[at : at + 3] for at in range(0, len(sent), 3))))
    assert found == [(b"D", b"\x1b[31mred"), (b"M", b'{"type":"exit"}'), (b"D", b"")]


@pytest.mark.parametrize("cut", [1, 4, 5, 7])
async def test_a_packet_that_was_cut_is_none(cut: int) -> None:
    whole = pack(b"D", b"abc")
    assert await _all(_reader(whole, whole[:cut])) == [(b"D", b"abc")]


async def test_a_packet_beyond_every_screen_is_refused_before_it_is_read() -> None:
    with pytest.raises(InputError, match="4294967295 bytes"):
        await _all(_reader(b"D\xff\xff\xff\xff"))


async def test_what_stands_before_the_packets_is_passed_over() -> None:
    reader = _reader(b"a warning\n__GANGLION__\n", pack(b"D", b"x"))
    await begin(reader)
    assert await _all(reader) == [(b"D", b"x")]


@pytest.mark.parametrize("content", [b"", b"Traceback\n", b"x" * 5000, b"x\n" * 500])
async def test_a_program_that_never_begins_is_told_so(content: bytes) -> None:
    with pytest.raises(InputError, match="before it drew anything"):
        await begin(_reader(content))

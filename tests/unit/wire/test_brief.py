"""Frames of rows read in part: what is wanted, all of one host, and the rest when somebody asks."""

from typing import Any

import pytest

from nagare.errors import InputError
from nagare.wire.brief import BriefReader, BriefRows, read_table
from nagare.wire.codec import encode
from nagare.wire.live import Hello, Rows

CPU: dict[str, list[Any]] = {"ts": [1, 1], "core": ["all", "0"], "busy_ratio": [0.5, None], "user_ratio": [0.4, 0.1]}
AGENT: dict[str, list[Any]] = {"ts": [1], "collector": ["cpu"], "ok": [True]}
FRAME = Rows("web1", {"cpu": CPU, "process": {"ts": [1], "pid": [7]}, "agent": AGENT}, 2)
TEXT = encode(FRAME).decode()
WANTED = {"cpu": ("core", "busy_ratio"), "disk": ("used_ratio",), "agent": ()}


def test_of_rows_only_what_is_wanted_is_read_and_the_rest_when_somebody_asks() -> None:
    brief = BriefReader(WANTED).read(TEXT)
    assert isinstance(brief, BriefRows)
    assert (brief.host, brief.missed) == ("web1", 2)
    assert brief.tables == {
        "cpu": {"ts": [1, 1], "core": ["all", "0"], "busy_ratio": [0.5, None]},
        "agent": AGENT,
    }
    # Of the agent's table all is there already.
    assert brief.texts.keys() == {"cpu"}
    assert read_table(brief.texts["cpu"], "cpu") == CPU
    assert read_table(brief.texts["cpu"], "disk") == {}


def test_of_the_host_that_is_looked_at_all_is_read() -> None:
    reader = BriefReader(WANTED)
    reader.whole = "web1"
    assert reader.read(TEXT) == FRAME


def test_other_frames_come_as_they_are_and_faults_are_told() -> None:
    hello = Hello("0.1.0", 1)
    assert BriefReader(WANTED).read(encode(hello).decode()) == hello
    with pytest.raises(InputError):
        BriefReader(WANTED).read('{"op":"rows","host":"a","tables":{"cpu":{"core":7}}}')

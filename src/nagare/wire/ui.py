"""What a browser's page, the server and the dashboard that it runs say to each other beside keys and paint.

Pages send and get frames of ``/ui/ws``: keys and paint are binary, all else is JSON tagged by ``op``.
"""

from __future__ import annotations

from typing import Annotated

import msgspec

from nagare.wire.codec import decode

# What a page may ask for; a terminal beyond that is no screen of anybody.
Columns = Annotated[int, msgspec.Meta(ge=10, le=500)]
Rows = Annotated[int, msgspec.Meta(ge=4, le=200)]
Zone = Annotated[str, msgspec.Meta(max_length=64)]
Id = Annotated[str, msgspec.Meta(max_length=64)]


class OpenDesk(msgspec.Struct, frozen=True, tag="open", tag_field="op"):
    """The first frame of a page: its size in cells, its zone, and the dashboard that it had before, if it had one."""

    columns: Columns
    rows: Rows
    desk: Id = ""
    zone: Zone = ""


class Resize(msgspec.Struct, frozen=True, tag="resize", tag_field="op"):
    """The page has another size."""

    columns: Columns
    rows: Rows


class Focus(msgspec.Struct, frozen=True, tag="focus", tag_field="op"):
    """The page is looked at, or is not any more."""

    is_focused: bool


class DeskOpened(msgspec.Struct, frozen=True, tag="opened", tag_field="op"):
    """The page has a dashboard: a new one, or the one that it had."""

    desk: str
    is_new: bool


class DeskEnded(msgspec.Struct, frozen=True, tag="ended", tag_field="op"):
    """The dashboard is over, or was never begun; ``is_refused``: trying again is of no use before something changes."""

    why: str
    is_refused: bool = False


class DeskFile(msgspec.Struct, frozen=True, tag="file", tag_field="op"):
    """A file for the person at the page, as text."""

    name: str
    content: str


PageFrame = OpenDesk | Resize | Focus
DeskFrame = DeskOpened | DeskEnded | DeskFile


class HandOver(msgspec.Struct, frozen=True):
    """What a dashboard is told as it begins, on its standard input: where to ask, as whom, and how to look."""

    url: str
    token: str
    pin: str = ""
    next_pins: tuple[str, ...] = ()
    zone: str = ""
    theme: str = "nagare-dark"
    ascii: bool = False
    bell: bool = True
    frames_per_second: float = 10.0
    keys: dict[str, str] = {}
    # File of the authorities that prove who hosts are; empty where there are none, or no shells may be opened.
    host_authority: str = ""
    # Whether it may open any: it connects to hosts then.
    has_shells: bool = False


class Left(msgspec.Struct, frozen=True, tag="exit", tag_field="type"):
    """The dashboard was left by its user."""


class Given(msgspec.Struct, frozen=True, tag="file", tag_field="type"):
    """The dashboard gives its user a file."""

    name: Annotated[str, msgspec.Meta(max_length=200)]
    content: str


class Fault(msgspec.Struct, frozen=True, tag="fault", tag_field="type"):
    """The dashboard ends, for that reason."""

    why: str


Told = Left | Given | Fault


def decode_page_frame(content: str | bytes) -> PageFrame:
    """Return the frame that a page sent. Raises InputError."""
    frame: PageFrame = decode(content, PageFrame)  # type: ignore[arg-type]  # a union is a type to the decoder
    return frame


def decode_told(content: bytes) -> Told:
    """Return what a dashboard told. Raises InputError, also for what is no concern of the server."""
    told: Told = decode(content, Told)  # type: ignore[arg-type]  # as above
    return told

"""What a server and its worker process say to each other over pipes: a frame is a length and one of these as JSON."""

from __future__ import annotations

from typing import Any

import msgspec


class Installation(msgspec.Struct, frozen=True):
    """What a worker is told of the installation that it works on; secrets stay in their files."""

    data: str
    records_url: str = ""
    records_password_file: str = ""
    has_bucket: bool = False
    has_bus_servers: bool = False
    query: dict[str, float] = {}
    backup_directory: str = ""
    export_limit_bytes: int = 0
    export_seconds: float = 0.0


class Order(msgspec.Struct, frozen=True, tag="order"):
    """Do this: call ``entry``, written module:function. The task was made at ``made_ms``.

    Who hears no ``Keep`` until ``held_until`` ends: the task may be another server's by then. It is a moment of the
    machine's monotonic clock, which both read: what a start takes, or a pipe, is not added.
    """

    id: str
    made_ms: int
    held_until: float
    entry: str
    arguments: dict[str, Any]
    installation: Installation


class Keep(msgspec.Struct, frozen=True, tag="keep"):
    """It is still ours, until then."""

    held_until: float


class Answer(msgspec.Struct, frozen=True, tag="answer"):
    """What the server says to a call; ``fault`` is empty when it went well."""

    value: Any = None
    fault: str = ""
    hint: str = ""
    code: str = ""
    may_retry: bool = False


class Progress(msgspec.Struct, frozen=True, tag="progress"):
    """How far it is: from 0 to 1, or null, and in a few words."""

    ratio: float | None
    text: str


class Call(msgspec.Struct, frozen=True, tag="call"):
    """The worker asks the server for something that its kind may use."""

    name: str
    value: dict[str, Any]


class Finished(msgspec.Struct, frozen=True, tag="finished"):
    """It is done."""

    result: dict[str, Any]


class Broken(msgspec.Struct, frozen=True, tag="broken"):
    """It failed; ``may_retry`` where another attempt may go better. ``result`` is what there is to say all the same.

    ``is_memory``: for want of memory.
    """

    text: str
    may_retry: bool = False
    result: dict[str, Any] | None = None
    is_memory: bool = False


ToWorker = Order | Answer | Keep
FromWorker = Progress | Call | Finished | Broken

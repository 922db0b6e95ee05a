"""The table of streams, and which of them a message belongs to."""

import pytest

from nagare.bus.message import Message
from nagare.bus.streams import DAY, STREAMS, Full, Streams, StreamSpec
from nagare.errors import InputError, InvariantError, NotFoundError


def _route(subject: str, key: str = "") -> tuple[str, str]:
    spec, routed = Streams().route(Message(subject, b"", "id", key))
    return spec.name, routed


@pytest.mark.parametrize(
    ("subject", "stream"),
    [
        ("metrics.raw", "metrics"),
        ("metrics.normalized", "metrics"),
        ("events.host_down", "events"),
        ("alerts.firing", "alerts"),
        ("commands.pending", "commands"),
        ("commands.dispatch.0b9f", "commands"),
        ("commands.result", "commands"),
        ("tasks.report", "tasks"),
        ("visualization.updates", "visualization"),
        ("audit", "audit"),
    ],
)
def test_each_subject_of_the_contract_has_its_stream(subject: str, stream: str) -> None:
    assert _route(subject) == (stream, subject)


def test_a_channel_has_its_partition() -> None:
    stream, subject = _route("messages", "channel-7")
    assert stream == "messages"
    assert subject in {f"messages.{number}" for number in range(16)}
    with pytest.raises(InputError):
        _route("messages")


@pytest.mark.parametrize("subject", ["commands", "commands.dispatch", "metrics.other", "dead.commands", "Audit"])
def test_a_subject_of_no_stream_is_refused(subject: str) -> None:
    with pytest.raises(NotFoundError):
        _route(subject)


def test_commands_stay_for_thirty_days_and_are_never_dropped_for_room() -> None:
    commands = next(spec for spec in STREAMS if spec.name == "commands")
    assert commands.keep_seconds == 30 * DAY
    assert commands.full is Full.REJECT


def test_two_streams_share_no_subject() -> None:
    one, other = (StreamSpec(name, (subject,), DAY, 1, 1) for name, subject in (("one", "a.*"), ("other", "*.b")))
    with pytest.raises(InvariantError, match="share"):
        Streams((one, other))

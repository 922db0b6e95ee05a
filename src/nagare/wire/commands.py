"""Commands between server and agent: the signed envelope, and the frames of ``/ws/agent`` that carry it and its outcome.

The envelope travels as the exact text that was signed. Frames are JSON objects tagged by ``op``; bytes are base64. Every
length has a bound, so that neither end can make the other allocate without one.
"""

from __future__ import annotations

from typing import Annotated, Any

import msgspec

from nagare.errors import BodyTooLargeError, CommandRefusedError, InputError
from nagare.lib.canonical_json import canonical
from nagare.model.command.action import Risk
from nagare.model.command.approval import Approval
from nagare.model.command.result import CommandResult, Reason
from nagare.model.command.states import CommandState
from nagare.wire.codec import decode, encode

COMMANDS_VERSION = 1
ENVELOPE_LIMIT_BYTES = 2**19
# An envelope with its secrets, or a result with the kept part of both streams in base64.
FRAME_LIMIT_BYTES = 2**22
CHUNK_LIMIT_BYTES = 2**15
# Of output, for each command at the begin of a connection; ``Credit`` adds to it.
INITIAL_CREDIT_BYTES = 2**18
_NAMES_LIMIT = 64

Id = Annotated[str, msgspec.Meta(pattern="^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$")]
Digest = Annotated[str, msgspec.Meta(pattern="^[0-9a-f]{64}$")]
Nonce = Annotated[str, msgspec.Meta(pattern="^[0-9a-f]{32,64}$")]
Name = Annotated[str, msgspec.Meta(max_length=256)]
Line = Annotated[str, msgspec.Meta(max_length=4096)]
Moment = Annotated[int, msgspec.Meta(ge=0, lt=2**53)]
Amount = Annotated[int, msgspec.Meta(ge=0, lt=2**53)]
ArgumentValue = str | int | bool | list[str]


class CommandEnvelope(msgspec.Struct, frozen=True):
    """What the server signs: this action, with these words, on this host, approved by whom, once and until when.

    It must begin before ``expires_ms`` and be over by ``deadline_ms``. ``secrets`` holds a digest for each secret
    argument (``secret_digest``), so that the envelope can be kept and shown. Times are Unix milliseconds.
    """

    v: int
    id: Id
    host_id: Name
    action: Name
    action_sha256: Digest
    arguments: Annotated[dict[str, ArgumentValue], msgspec.Meta(max_length=_NAMES_LIMIT)]
    plan_sha256: Digest
    requester: Name
    approver: Name
    approval: Approval
    risk: Risk
    nonce: Nonce
    issued_ms: Moment
    expires_ms: Moment
    deadline_ms: Moment
    secrets: Annotated[dict[str, Digest], msgspec.Meta(max_length=_NAMES_LIMIT)] = {}


class Secret(msgspec.Struct, frozen=True):
    """A secret argument, beside the envelope that holds its digest; nobody keeps it."""

    salt: Annotated[str, msgspec.Meta(pattern="^[0-9a-f]{32}$")]
    value: Line

    def __repr__(self) -> str:
        """Show nothing of it."""
        return "Secret(…)"


class Dispatch(msgspec.Struct, frozen=True, tag="dispatch", tag_field="op"):
    """Run this. The same again is lawful while it is not known whether it arrived: it runs once."""

    envelope: Annotated[str, msgspec.Meta(max_length=ENVELOPE_LIMIT_BYTES)]
    key: Digest
    signature: Annotated[str, msgspec.Meta(max_length=128)]
    secrets: Annotated[dict[str, Secret], msgspec.Meta(max_length=_NAMES_LIMIT)] = {}


class Cancel(msgspec.Struct, frozen=True, tag="cancel", tag_field="op"):
    """End the command and all that it started; one that did not begin never will."""

    id: Id
    by: Name = ""


class Credit(msgspec.Struct, frozen=True, tag="credit", tag_field="op"):
    """So many more bytes of output of that command may be sent."""

    id: Id
    bytes: Annotated[int, msgspec.Meta(gt=0, le=2**30)]


class ResultAck(msgspec.Struct, frozen=True, tag="result_ack", tag_field="op"):
    """The result is durable at the server; the agent need not keep it."""

    id: Id


class CommandStanding(msgspec.Struct, frozen=True):
    """How far a command has come at its host."""

    id: Id
    state: CommandState


class CommandsReady(msgspec.Struct, frozen=True, tag="commands_ready", tag_field="op"):
    """The first of these frames on each connection: what the agent speaks, and every command that it still holds.

    ``actions`` holds the hash of each action that the host knows: one that differs from the server's would be refused.
    ``keys_number`` is of the list of keys that it holds; zero for none, and for an agent that takes none on this connection.
    """

    v: int
    commands: list[CommandStanding] = []
    actions: dict[Name, Digest] = {}
    keys_number: Amount = 0


class Receipt(msgspec.Struct, frozen=True, tag="receipt", tag_field="op"):
    """The command is durable at the host, or is refused and will not run (``reason``). One that repeats says the same."""

    id: Name
    is_accepted: bool
    reason: Reason | None = None
    text: Line = ""


class Started(msgspec.Struct, frozen=True, tag="started", tag_field="op"):
    """The program runs: these words, held by this."""

    id: Id
    started_ms: Moment
    argv: list[str]
    confinement: Name = ""
    holds: list[Name] = []


class OutputChunk(msgspec.Struct, frozen=True, tag="output", tag_field="op"):
    """Bytes of one stream as they come, secrets masked; ``offset`` counts from the first, so that a gap is seen."""

    id: Id
    stream: Annotated[str, msgspec.Meta(pattern="^(stdout|stderr)$")]
    offset: Amount
    data: Annotated[bytes, msgspec.Meta(max_length=CHUNK_LIMIT_BYTES)]


class CommandEnded(msgspec.Struct, frozen=True, tag="ended", tag_field="op"):
    """The result, again on each connection until the server acknowledges it."""

    id: Id
    result: CommandResult


class CommandKeys(msgspec.Struct, frozen=True):
    """The server's keys of commands, the one that signs first; a higher ``number`` replaces a lower one."""

    v: int
    number: Annotated[int, msgspec.Meta(ge=1, lt=2**31)]
    keys: Annotated[list[Name], msgspec.Meta(min_length=1, max_length=8)]


class KeyList(msgspec.Struct, frozen=True):
    """A list of keys as it was signed, and when it was made."""

    text: Annotated[str, msgspec.Meta(max_length=4096)]
    signatures: Annotated[dict[str, Name], msgspec.Meta(max_length=16)]
    made_ms: Moment = 0


class SignedCommandKeys(msgspec.Struct, frozen=True):
    """The exact text of CommandKeys, and signatures over it by key id; ``earlier`` lists lead a host there that missed some."""

    text: Annotated[str, msgspec.Meta(max_length=4096)]
    signatures: Annotated[dict[str, Name], msgspec.Meta(max_length=16)]
    earlier: Annotated[list[KeyList], msgspec.Meta(max_length=1000)] = []


class CommandKeyLists(msgspec.Struct, frozen=True):
    """What the server keeps of its lists, the oldest first."""

    v: int
    lists: Annotated[list[KeyList], msgspec.Meta(min_length=1)]


class KeysOffered(msgspec.Struct, frozen=True, tag="keys_offered", tag_field="op"):
    """A newer list than the one that the host said it holds; what is sent afterwards may be signed by a key of it."""

    keys: SignedCommandKeys


ToAgent = Dispatch | Cancel | Credit | ResultAck | KeysOffered
FromAgent = CommandsReady | Receipt | Started | OutputChunk | CommandEnded


def decode_to_agent(content: str | bytes) -> ToAgent:
    """Return the frame that a server sent. Raises InputError, BodyTooLargeError."""
    frame: ToAgent = decode(_bounded(content), ToAgent)  # type: ignore[arg-type]  # a union is a type to the decoder
    return frame


def decode_from_agent(content: str | bytes) -> FromAgent:
    """Return the frame that an agent sent. Raises InputError, BodyTooLargeError."""
    frame: FromAgent = decode(_bounded(content), FromAgent)  # type: ignore[arg-type]  # as above
    return frame


def envelope_text(envelope: CommandEnvelope) -> str:
    """Return the one text of ``envelope``: what is signed and sent. Raises InputError for what has none."""
    return canonical(msgspec.to_builtins(envelope)).decode()


def read_envelope(text: str) -> CommandEnvelope:
    """Return what ``text`` says. Raises CommandRefusedError unless it is the one text of an envelope of this version.

    A name that stands twice, another order or a field that this version does not know could mean one thing to who signed.
    """
    if len(text) > ENVELOPE_LIMIT_BYTES:
        raise CommandRefusedError("cannot use envelope: it is too long", reason=Reason.TOO_LARGE)
    try:
        envelope = decode(text, CommandEnvelope)
    except InputError as error:
        raise CommandRefusedError(f"cannot use envelope: {error.message}", reason=_fault_of(text)) from error
    _check_version(envelope.v)
    if envelope_text(envelope) != text:
        raise CommandRefusedError(
            "cannot use envelope: it is not in its one form (a name twice or unknown, other order, spaces)",
            reason=Reason.NOT_CANONICAL,
        )
    return envelope


def keys_text(keys: CommandKeys) -> str:
    """Return the one text of ``keys``."""
    return canonical(msgspec.to_builtins(keys)).decode()


def read_keys(text: str) -> CommandKeys:
    """Return the keys that ``text`` names. Raises InputError unless it is their one text."""
    keys = decode(text, CommandKeys)
    if keys.v != COMMANDS_VERSION or keys_text(keys) != text:
        raise InputError("cannot use the server's keys of commands: another version, or not in their one form")
    return keys


def encode_frame(frame: ToAgent | FromAgent) -> bytes:
    """Return ``frame`` as bytes."""
    return encode(frame)


def _check_version(version: int) -> None:
    if version != COMMANDS_VERSION:
        raise CommandRefusedError(
            f"cannot use envelope of version {version}: version {COMMANDS_VERSION} is spoken here",
            hint="update the agent, or the server",
            reason=Reason.UNKNOWN_VERSION,
        )


def _fault_of(text: str) -> Reason:
    """Tell an envelope of another version, whose fields may be others, from one that is damaged."""
    try:
        table = decode(text, dict[str, Any])
    except InputError:
        return Reason.MALFORMED
    return Reason.MALFORMED if table.get("v") == COMMANDS_VERSION else Reason.UNKNOWN_VERSION


def _bounded(content: str | bytes) -> str | bytes:
    if len(content) > FRAME_LIMIT_BYTES:
        raise BodyTooLargeError(f"cannot accept frame: it is longer than {FRAME_LIMIT_BYTES} bytes")
    return content

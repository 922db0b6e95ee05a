"""Receivers and their channels as a file writes them: each kind with its own options. Pure."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from urllib.parse import urlsplit

from nagare.model.event import Severity
from nagare.model.fields import Fields
from nagare.model.notify.reading.parts import Use, Uses, read_name, read_secret, read_tables
from nagare.model.notify.receiver import Channel, ChannelKind, Receiver

CHANNELS_LIMIT = 20
PER_MINUTE_LIMIT = 600
URL_LIMIT = 1000
_TOPIC = re.compile(r"[A-Za-z0-9_-]{1,64}")
_CHAT = re.compile(r"-?[0-9]{1,20}|@[A-Za-z0-9_]{1,64}")
_THREAD = re.compile(r"[0-9]{1,20}")
_SLACK_CHANNEL = re.compile(r"[#@]?[A-Za-z0-9._-]{1,80}")


@dataclass(frozen=True, slots=True)
class Option:
    """One option of a kind: what is wrong with a text (empty for nothing), and its default, None where it must be given."""

    why_not: Callable[[str], str]
    default: str | None = ""


@dataclass(frozen=True, slots=True)
class KindRules:
    """What a kind of channel needs. ``secret`` says in words what its secret is, empty where it has none.

    ``per_minute`` is what its provider takes from one sender.
    """

    per_minute: int
    secret: str = ""
    needs_secret: bool = True
    options: Mapping[str, Option] = field(default_factory=dict)


def _why_no_url(text: str) -> str:
    try:
        parts = urlsplit(text)
        _ = parts.port
    except ValueError:
        return "must be an http or https URL"
    if parts.scheme not in ("http", "https") or not parts.hostname or len(text) > URL_LIMIT:
        return f"must be an http or https URL, {URL_LIMIT} characters at the most"
    if not text.isascii() or not text.isprintable() or " " in text:
        return "must be a URL without blanks and foreign letters"
    # A secret in a URL would be shown to whoever may see the receivers.
    if "@" in parts.netloc:
        return "carries a user or a password; put the URL into a file, and name that as secret_file"
    if "?" in text or "#" in text:
        return (
            "carries a query or a fragment, where tokens stand; put the URL into a file, and name that as secret_file"
        )
    return ""


def _fits(pattern: re.Pattern[str], words: str) -> Callable[[str], str]:
    return lambda text: "" if pattern.fullmatch(text) else f"must be {words}"


_URL = Option(_why_no_url)
KINDS: Mapping[ChannelKind, KindRules] = MappingProxyType(
    {
        ChannelKind.TERMINAL: KindRules(60, needs_secret=False),
        ChannelKind.WEBHOOK: KindRules(
            60, "the URL, or a bearer token beside url", needs_secret=False, options={"url": _URL}
        ),
        # One message in five seconds, after a burst.
        ChannelKind.NTFY: KindRules(
            12,
            "the token",
            needs_secret=False,
            options={
                "topic": Option(_fits(_TOPIC, "a topic: letters, digits, - and _, 64 at the most"), None),
                "url": Option(_why_no_url, "https://ntfy.sh"),
            },
        ),
        # One message a second in a channel.
        ChannelKind.SLACK: KindRules(
            60,
            "the URL of an incoming webhook, or the token of a bot where channel is given",
            options={"channel": Option(_fits(_SLACK_CHANNEL, "a channel, by its id or as #alerts")), "url": _URL},
        ),
        # Twenty messages a minute in a group.
        ChannelKind.TELEGRAM: KindRules(
            20,
            "the token of the bot",
            options={
                "chat_id": Option(_fits(_CHAT, "the number of a chat, or @name of a channel"), None),
                "thread_id": Option(_fits(_THREAD, "the number of a topic")),
                "url": _URL,
            },
        ),
        ChannelKind.PAGERDUTY: KindRules(60, "the routing key", options={"url": _URL}),
        ChannelKind.APPRISE: KindRules(20, "the URL"),
    }
)


def read_receiver(fields: Fields, uses: Uses) -> Receiver:
    """Return a receiver; one without channels hears nothing, on purpose."""
    name, fallback = fields.text("name", ""), fields.text("fallback", "")
    uses.add(fields.place_of("fallback"), fallback, Use.RECEIVER)
    if fallback and fallback == name:
        fields.fault("fallback", "is the receiver itself")
    channels = list[Channel]()
    for table in read_tables(fields, "channel", CHANNELS_LIMIT):
        channel = _channel(table, name)
        if any(channel.key == one.key for one in channels):
            table.fault("name", f"{channel.key} is there already: give each a name of its own")
        channels.append(channel)
    return Receiver(name, tuple(channels), fallback)


def _channel(fields: Fields, receiver: str) -> Channel:
    kind = fields.choice("kind", ChannelKind, None)
    if fields.raw("kind") != kind:
        # Which options and secrets it may have, nobody knows.
        return Channel(f"{receiver}/{read_name(fields, '')}", kind)
    rules = KINDS[kind]
    secret_file, secret_env = read_secret(fields)
    options = {name: text for name, option in rules.options.items() if (text := _option(fields, name, option))}
    found = Channel(
        key=f"{receiver}/{read_name(fields, kind.value)}",
        kind=kind,
        secret_file=secret_file,
        secret_env=secret_env,
        options=MappingProxyType(options),
        severity=fields.severity("severity", Severity.INFO),
        tells_resolved=fields.flag("resolved", default=True),
        per_minute=float(fields.number("per_minute", rules.per_minute, 1, PER_MINUTE_LIMIT)),
    )
    _check_secret(fields, found, rules)
    fields.finish()
    return found


def _option(fields: Fields, name: str, option: Option) -> str:
    given = fields.raw(name)
    # Ids of chats are numbers, and are written as such.
    is_number = isinstance(given, int) and not isinstance(given, bool)
    text = str(given) if is_number else fields.text(name, option.default)
    if (is_number or isinstance(given, str)) and (fault := option.why_not(text)):
        fields.fault(name, fault)
    return text


def _check_secret(fields: Fields, channel: Channel, rules: KindRules) -> None:
    has_secret = bool(channel.secret_file or channel.secret_env)
    if not rules.secret:
        fields.only(("secret_file", "secret_env"), f"is given, but {channel.kind.value} has no secret")
    elif rules.needs_secret and not has_secret:
        fields.fault("secret_file", f"is missing, and secret_env too: one of them has {rules.secret}")
    if channel.kind is ChannelKind.WEBHOOK and not has_secret and "url" not in channel.options:
        fields.fault("url", "is missing, and a secret too: one of them says where it goes")
    if channel.kind is ChannelKind.SLACK and "url" in channel.options and "channel" not in channel.options:
        fields.fault("url", "is of use beside channel only: an incoming webhook is a secret")

"""Parts of a room of notification: a sender that keeps what it is given, routes of a test, incidents and deliveries."""

import asyncio
from collections import Counter, defaultdict, deque
from collections.abc import Callable
from dataclasses import dataclass, field

from nagare.alerting.notify.fanout import delivery_to
from nagare.alerting.notify.planning import Change
from nagare.model.alert.alert import Alert, AlertState
from nagare.model.event import Severity
from nagare.model.notify.incident import Incident
from nagare.model.notify.notice import Delivery, Line, Notice
from nagare.model.notify.notifying import Notifying
from nagare.model.notify.receiver import Channel, ChannelKind, Escalation, Receiver, Step
from nagare.model.notify.route import Route
from nagare.model.notify.sending import NotSent, Sent

NOW_MS = 1_760_000_000_000


@dataclass
class Given:
    """Routes as a test gives them."""

    notifying: Notifying
    fault: str = ""

    async def refresh(self) -> bool:
        """Nothing else holds."""
        return False


@dataclass
class Recorder:
    """Takes everything, unless a channel was told what to say; ``sent`` is what it was given, in order."""

    sent: list[tuple[str, Delivery, str, str]] = field(default_factory=list)
    answers: dict[str, deque[Sent | NotSent]] = field(default_factory=lambda: defaultdict(deque))
    # What a channel says always, once it has no answer of its own.
    always: dict[str, Sent | NotSent] = field(default_factory=dict)
    # Channels that do not answer before they are let go.
    held: dict[str, asyncio.Event] = field(default_factory=dict)
    came: asyncio.Event = field(default_factory=asyncio.Event)

    async def send(self, channel: Channel, delivery: Delivery, ref: str, ack_url: str) -> Sent | NotSent:
        """Keep it and say what is to be said."""
        self.sent.append((channel.key, delivery, ref, ack_url))
        self.came.set()
        if (gate := self.held.get(channel.key)) is not None:
            await gate.wait()
        if answers := self.answers[channel.key]:
            return answers.popleft()
        return self.always.get(channel.key, Sent(f"m{len(self.sent)}"))

    def ids(self, channel: str = "") -> list[str]:
        """Return the ids of what was sent, to one channel or all."""
        return [delivery.id for key, delivery, _, _ in self.sent if not channel or key == channel]

    async def until(self, is_so: Callable[[], bool]) -> None:
        """Return once something was sent after which ``is_so``."""
        async with asyncio.timeout(10):
            while not is_so():
                self.came.clear()
                await self.came.wait()


def no_link(_incident: str, _channel: str, _until_ms: int) -> str:
    """Return what a server says that nobody can reach."""
    return ""


def channel(key: str, *, per_minute: float = 6000.0, **options: object) -> Channel:
    """Return a channel."""
    return Channel(key, ChannelKind.WEBHOOK, per_minute=per_minute, **options)  # type: ignore[arg-type]


def notifying(
    *receivers: Receiver, receiver: str = "ops", group_by: tuple[str, ...] = ("alertname",), wait: float = 0.0
) -> Notifying:
    """Return routes that tell ``receiver`` of everything; without receivers one with one channel."""
    made = receivers or (Receiver("ops", (channel("ops/phone"),)),)
    root = Route("", receiver, group_by=group_by, group_wait_seconds=wait)
    escalation = Escalation("oncall", (Step(0.0, ("ops",)), Step(900.0, ("boss",))))
    return Notifying(root, {one.name: one for one in made}, {}, {"oncall": escalation}, {}, {})


def line(host: str = "web1", name: str = "Full") -> Line:
    """Return a line of a notice."""
    labels = {"alertname": name, "host": host, "note": "ünï \N{GRINNING FACE}"}
    return Line("a1", name, host, 2, "firing", "full", labels, {"summary": "full"}, "f" * 16, NOW_MS, value=0.5)


def notice(incident: str = "i1", number: int = 1, *, receiver: str = "ops", host: str = "web1") -> Notice:
    """Return a notice."""
    lines = (line(host),)
    return Notice(
        incident, number, "", receiver, "first notification", NOW_MS, {"alertname": "Full"}, 2, lines, (), 1, 0
    )


def delivery(
    incident: str = "i1", number: int = 1, key: str = "ops/phone", *, made_ms: int = NOW_MS, host: str = "web1"
) -> Delivery:
    """Return a delivery that waits."""
    told = notice(incident, number, receiver=key.partition("/")[0], host=host)
    return delivery_to(channel(key), told, made_ms)


def incident(number: int = 1, **fields: object) -> Incident:
    """Return an incident that is not kept yet."""
    return Incident(f"i{number}", "", {"alertname": f"Full{number}"}, NOW_MS + number, **fields)  # type: ignore[arg-type]


def change(after: Incident, before: Incident | None = None) -> Change:
    """Return a change to ``after``."""
    return Change(before, after)


def alert(name: str, state: AlertState = AlertState.FIRING, **labels: str) -> Alert:
    """Return an alert, of a thing of its own."""
    told = {"alertname": "Full", **labels}
    summary = {"summary": f"{name} is full"}
    return Alert(
        name, "rules", name, told["alertname"], Severity.HIGH, told, summary, NOW_MS, NOW_MS, NOW_MS, state,
        fired_ms=NOW_MS,
    )  # fmt: skip


class Steps:
    """Hears every step, on whatever thread, and lets a test wait for one."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._seen: Counter[str] = Counter()
        self._changed = asyncio.Event()

    def step(self, name: str) -> None:
        """Take note of the step ``name``."""
        self._loop.call_soon_threadsafe(self._note, name)

    def count(self, name: str) -> int:
        """Return how often a step was reached."""
        return self._seen[name]

    async def until(self, name: str, count: int) -> None:
        """Return once a step was reached so often."""
        async with asyncio.timeout(60):
            while self._seen[name] < count:
                self._changed.clear()
                await self._changed.wait()

    def _note(self, name: str) -> None:
        self._seen[name] += 1
        self._changed.set()

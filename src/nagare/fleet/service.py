"""The fleet: registering hosts, changing them, and watching who is alive.

Hosts are kept in memory and written through; every change of a host goes through the verbs here.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import replace
from types import TracebackType
from typing import Protocol, Self

from nagare.errors import NagareError, NotFoundError, OverloadedError
from nagare.fleet.admission import Admission
from nagare.fleet.groups import Groups
from nagare.fleet.joining import (
    Joining,
    check_not_revoked,
    contest_error,
    is_contested,
)
from nagare.fleet.liveness import Life, revive
from nagare.fleet.registered import presented, registered
from nagare.fleet.rules import check_labels, check_registration
from nagare.fleet.store import HostStore, from_ms
from nagare.fleet.views import conflict_event, down_event, host_view, up_event
from nagare.keys.batch_signatures import check_batch_key
from nagare.lib.clock import Clock
from nagare.lib.nearest import did_you_mean
from nagare.model.event import Event
from nagare.model.host import Contest, Enrolment, Host, HostState
from nagare.records.engine import Records
from nagare.wire.hosts import (
    HostPatch,
    HostPresentation,
    HostView,
    RegisterReply,
    RegisterRequest,
    Standing,
)

log = logging.getLogger(__name__)

# Finer than the shortest time after which a host becomes stale (3 x 0.2 s) would show to nobody.
_REVIEW_SECONDS = 0.5
_FLUSH_SECONDS = 60.0
# A host that waits asks this often, and so few ask in a second, however many wait.
_ASK_SECONDS = 1.5
_ASKS_PER_SECOND = 50
# One that works asks only whether what it may has changed: soon enough for who gave it something and waits to see it.
_ASK_SELDOM_SECONDS = 15.0


class HostTokens(Protocol):
    """What the fleet needs of identity."""

    async def issue_host_token(self, host_id: str, name: str, *, is_active: bool) -> str:
        """Return a new token for the host, which allows nothing until it is active; earlier ones end."""
        ...

    async def activate_host_tokens(self, host_id: str) -> None:
        """Let the tokens of the host allow what a host may."""
        ...

    async def revoke_host_tokens(self, host_id: str) -> None:
        """End every token of the host."""
        ...


class FleetListener(Protocol):
    """Who hears of changes."""

    def host_changed(self, view: HostView, *, removed: bool) -> None:
        """A host was registered, changed its state or labels, or was removed."""
        ...

    async def event_happened(self, event: Event) -> None:
        """An event is to be stored; its id is deterministic, a repeat is harmless."""
        ...


class Fleet:
    """The hosts of this installation. ``async with`` loads them; ``run`` announces changes until cancelled."""

    def __init__(
        self,
        records: Records,
        tokens: HostTokens,
        listener: FleetListener,
        clock: Clock,
        groups: Groups | None = None,
    ) -> None:
        """Keep the neighbours; nothing is read yet."""
        self.group_rules = groups or Groups()
        self._store = HostStore(records)
        self._tokens = tokens
        self._listener = listener
        self._clock = clock
        self._hosts: dict[str, Host] = {}
        self._lives: dict[str, Life] = {}
        self._waiting: set[str] = set()
        # Names between the check and the write: a second request for one of them must not pass the same check.
        self._registering: set[str] = set()
        # Whoever registers holds a place of it.
        self.admission = Admission()
        self._started = clock.monotonic()
        self._flushed_at = self._started
        # Told with every view of a host: why it is in maintenance (empty: it is not), and the newest note on it.
        self.why_in_maintenance: Callable[[Host], str] = lambda _host: ""
        self.newest_note: Callable[[Host], str] = lambda _host: ""
        # Code of the error with which the last review ended.
        self._fault = ""

    async def __aenter__(self) -> Self:
        """Load the hosts."""
        self._started = self._clock.monotonic()
        for stored in await self._store.load():
            name = stored.host.name
            self._put(stored.host)
            life = revive(stored.last_seen_ms, stored.down_ms, self._clock.now_ms(), self._started)
            life.state = life.state_at(self._started, stored.host.interval_seconds, self._started)
            self._lives[name] = life
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Save who was seen when, if the disk takes it."""
        try:
            await self.flush()
        except NagareError as error:
            log.warning("last_seen_not_saved: %s", error.message)

    async def register(self, request: RegisterRequest, joining: Joining | None = None) -> RegisterReply:
        """Register a machine, or the same machine again, and return a new token for it.

        ``joining`` is how it came, None for who may register at once. Raises InputError, PermissionDeniedError for a host
        that was revoked, and ConflictError when another machine has that name: two machines are never merged.
        """
        check_registration(request)
        if request.public_key is not None:
            check_batch_key(request.public_key)
        if request.name in self._registering:
            # Most likely the same machine, which gave up waiting for its answer: what it is, the next try tells.
            raise OverloadedError(
                f"cannot register host {request.name!r}: it is being registered just now", retry_after_seconds=1
            )
        self._registering.add(request.name)
        try:
            await self._check_uncontested(request, joining)
            host = registered(self._hosts, request, joining, self._clock.now_ms())
            await self._store.save(host)
            self._put(host)
            self._lives.setdefault(host.name, Life())
            is_active = host.enrolment is Enrolment.ACTIVE
            token = await self._tokens.issue_host_token(host.id, host.name, is_active=is_active)
        finally:
            self._registering.discard(request.name)
        self._announce(host.name)
        log.info("host_registered name=%s id=%s", host.name, host.id)
        return RegisterReply(host.id, host.name, token, host.enrolment.value, sorted(host.capabilities))

    async def present(self, name: str, told: HostPresentation) -> HostView:
        """Take what a host says of itself anew; who it is and what it may stay as they are. Raises InputError, NotFoundError.

        In which groups it is, is not its own to say: what a registration with more rights said of that stays.
        """
        host = presented(self.get(name), told)
        await self._store.save(host)
        self._put(host)
        self._announce(name)
        return self.view(name)

    async def accept(self, name: str, capabilities: frozenset[str]) -> HostView:
        """Let a host that waits, or was revoked, work, and say what it may; a conflict counts as looked at.

        A revoked host has no token: its agent registers again. Raises NotFoundError.
        """
        host = replace(self.get(name), enrolment=Enrolment.ACTIVE, capabilities=capabilities, conflict=None)
        await self._store.save(host)
        self._put(host)
        await self._tokens.activate_host_tokens(host.id)
        self._announce(name)
        return self.view(name)

    async def revoke(self, name: str) -> HostView:
        """Shut a host out: its tokens end at once, and it cannot register until it is accepted. Raises NotFoundError."""
        host = replace(self.get(name), enrolment=Enrolment.REVOKED)
        await self._store.save(host)
        self._put(host)
        await self._tokens.revoke_host_tokens(host.id)
        self._announce(name)
        return self.view(name)

    async def patch(self, name: str, patch: HostPatch) -> HostView:
        """Replace the labels of a host. Raises NotFoundError, InputError."""
        check_labels(patch.labels)
        host = replace(self.get(name), labels=dict(patch.labels))
        await self._store.save(host)
        self._put(host)
        self._announce(name)
        return self.view(name)

    async def remove(self, name: str) -> None:
        """Forget a host and end its tokens; its samples stay. Raises NotFoundError."""
        host = self.get(name)
        view = self.view(name)
        await self._tokens.revoke_host_tokens(host.id)
        await self._store.remove(host.id)
        del self._hosts[name], self._lives[name]
        self._waiting.discard(name)
        self._listener.host_changed(view, removed=True)
        log.info("host_removed name=%s id=%s", name, host.id)

    def get(self, name: str) -> Host:
        """Return the host of that name. Raises NotFoundError with the nearest name."""
        host = self._hosts.get(name)
        if host is None:
            raise NotFoundError(f"cannot find host {name[:80]!r}: not registered", hint=did_you_mean(name, self._hosts))
        return host

    def standing(self, name: str) -> Standing:
        """Return how far the host of that name has come, as it is told to itself. Raises NotFoundError."""
        host = self.get(name)
        again = max(_ASK_SECONDS, len(self._waiting) / _ASKS_PER_SECOND)
        if host.enrolment is Enrolment.ACTIVE:
            again = max(_ASK_SELDOM_SECONDS, len(self._hosts) / _ASKS_PER_SECOND)
        return Standing(name, host.enrolment.value, sorted(host.capabilities), again)

    def find(self, name: str) -> Host | None:
        """Return the host of that name, or None."""
        return self._hosts.get(name)

    def is_in(self, name: str, groups: frozenset[str]) -> bool:
        """Tell whether the host of that name is in one of ``groups``; a host is in the groups that its label names."""
        host = self._hosts.get(name)
        return host is not None and not groups.isdisjoint(self.group_rules.of(host))

    def hosts_in(self, groups: frozenset[str]) -> frozenset[str]:
        """Return the names of the hosts in any of ``groups``."""
        return frozenset(name for name in self._hosts if self.is_in(name, groups))

    def groups(self) -> dict[str, list[str]]:
        """Return the groups, by name, each with the names of its hosts."""
        found: dict[str, list[str]] = {name: [] for name in self.group_rules.texts}
        for name in sorted(self._hosts):
            for group in self.group_rules.of(self._hosts[name]):
                found.setdefault(group, []).append(name)
        return dict(sorted(found.items()))

    def view(self, name: str) -> HostView:
        """Return the host of that name as people see it. Raises NotFoundError."""
        host, life = self.get(name), self._lives[name]
        seen_at = None if life.last_seen_ms is None else from_ms(life.last_seen_ms)
        more = self.why_in_maintenance(host), self.newest_note(host)
        return host_view(replace(host, last_seen_at=seen_at), self._state(name), *more)

    def state(self, name: str) -> HostState:
        """Return how alive the host of that name is. Raises NotFoundError."""
        self.get(name)
        return self._state(name)

    def host_ids(self) -> list[str]:
        """Return the ids of all hosts."""
        return [host.id for host in self._hosts.values()]

    def hosts_and_states(self) -> list[tuple[Host, HostState]]:
        """Return every host and how alive it is, by name."""
        return [(self._hosts[name], self._state(name)) for name in sorted(self._hosts)]

    def views(self) -> list[HostView]:
        """Return every host, by name."""
        return [self.view(name) for name in sorted(self._hosts)]

    def count_by_state(self) -> dict[str, int]:
        """Return how many hosts are in each state."""
        counts = dict.fromkeys((state.value for state in HostState), 0)
        for name in self._hosts:
            counts[self._state(name).value] += 1
        return counts

    def announce(self, name: str) -> None:
        """Show the host of that name to who listens: something that is told with it has changed."""
        self._announce(name)

    def touch(self, name: str) -> None:
        """Note that the host was heard of just now; cheap, called for every batch."""
        life = self._lives.get(name)
        if life is not None:
            life.touch(self._clock.now_ms(), self._clock.monotonic())

    async def run(self) -> None:
        """Announce changes of state and keep last-seen times durable, until cancelled."""
        while True:
            try:
                await self.review()
                if self._clock.monotonic() - self._flushed_at >= _FLUSH_SECONDS:
                    await self.flush()
            except NagareError as error:
                # A full disk lasts: said once, tried again at every review.
                if error.code != self._fault:
                    log.warning("fleet_not_saved: %s", error.message)
                self._fault = error.code
            else:
                self._fault = ""
            await self._clock.sleep(_REVIEW_SECONDS)

    async def review(self) -> None:
        """Announce every host whose state is not what was announced last. Raises what storing an event raises."""
        faults: list[NagareError] = []
        for name in list(self._hosts):
            life = self._lives.get(name)
            if life is None:  # removed while an earlier host's fall was stored
                continue
            state, why = self._state(name), self.why_in_maintenance(self._hosts[name])
            if (state, why) != (life.state, life.why_in_maintenance):
                life.state, life.why_in_maintenance = state, why
                self._announce(name)
            try:
                await self._tell_fall_or_rise(name, life, state)
            except NagareError as error:
                # The others are looked at all the same; this one is asked again at the next review.
                faults.append(error)
        if faults:
            raise faults[0]

    async def flush(self) -> None:
        """Save last-seen times that are not saved yet."""
        self._flushed_at = self._clock.monotonic()
        unsaved = {name: life for name, life in self._lives.items() if not life.is_saved}
        seen_ms = {
            self._hosts[name].id: life.last_seen_ms for name, life in unsaved.items() if life.last_seen_ms is not None
        }
        for life in unsaved.values():
            life.is_saved = True
        if not seen_ms:
            return
        try:
            await self._store.save_last_seen(seen_ms)
        except BaseException:
            for life in unsaved.values():
                life.is_saved = False
            raise

    async def _tell_fall_or_rise(self, name: str, life: Life, state: HostState) -> None:
        if state is HostState.DOWN and life.down_ms is None:
            await self._fall(name, life)
        elif state is HostState.UP and life.down_ms is not None:
            await self._rise(name, life)

    async def _fall(self, name: str, life: Life) -> None:
        # Durable in this order, so that a crash at any point repeats the same event id and loses none.
        host, last_seen_ms, now_ms = self._hosts[name], life.last_seen_ms or 0, self._clock.now_ms()
        await self._store.save_last_seen({host.id: last_seen_ms})
        await self._listener.event_happened(down_event(host, last_seen_ms, now_ms, self.why_in_maintenance(host)))
        await self._store.save_down(host.id, now_ms)
        life.down_ms = now_ms

    async def _rise(self, name: str, life: Life) -> None:
        host, down_ms = self._hosts[name], life.down_ms or 0
        await self._listener.event_happened(
            up_event(host, down_ms, self._clock.now_ms(), self.why_in_maintenance(host))
        )
        await self._store.save_down(host.id, None)
        life.down_ms = None

    def _state(self, name: str) -> HostState:
        host, life = self._hosts[name], self._lives[name]
        return life.state_at(self._clock.monotonic(), host.interval_seconds, self._started)

    def _put(self, host: Host) -> None:
        self._hosts[host.name] = host
        if host.enrolment is Enrolment.PENDING:
            self._waiting.add(host.name)
        else:
            self._waiting.discard(host.name)

    def _announce(self, name: str) -> None:
        self._listener.host_changed(self.view(name), removed=False)

    async def _check_uncontested(self, request: RegisterRequest, joining: Joining | None) -> None:
        known = self._hosts.get(request.name)
        if known is None:
            return
        if is_contested(known, request, joining, is_up=self._state(known.name) is HostState.UP):
            address = "" if joining is None else joining.address
            contest = Contest(request.machine_id, address, self._clock.now_ms())
            host = self._hosts[known.name] = replace(known, conflict=contest)
            await self._store.save(host)
            await self._listener.event_happened(conflict_event(host, contest))
            self._announce(known.name)
            raise contest_error(request.name)
        check_not_revoked(known)

"""A state machine of sessions: whatever clients, thieves and admins do in whatever order, the model and the store agree."""

import asyncio
import shutil
import tempfile
from collections.abc import Coroutine
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from nagare.errors import NotFoundError, UnauthenticatedError
from nagare.identity.sessions.session import GRACE_SECONDS, EndedBy, Opened
from nagare.identity.users.roles import Grant
from nagare.records.engine import Records
from tests.component.identity.conftest import HOME, PASSWORD, ROOT, World
from tests.component.server.loop_thread import LoopThread

T = TypeVar("T")
IDLE_SECONDS = 14 * 86_400
WHOLE_SECONDS = 90 * 86_400


@dataclass(eq=False)
class Family:
    """What the model knows of one session: its tokens in their order, and when each was used."""

    user: str
    id: str
    begun: float
    tokens: list[str]
    made: list[float]
    used: list[float | None] = field(default_factory=lambda: [None])
    access: list[tuple[str, float]] = field(default_factory=list)
    has_ended: bool = False


class SessionMachine(RuleBasedStateMachine):
    """The machine; the clock is turned by hand."""

    empty: Path

    def __init__(self) -> None:
        super().__init__()
        self._thread = LoopThread()
        self._folder = Path(tempfile.mkdtemp(prefix="sessions-"))
        for file in self.empty.iterdir():
            shutil.copytree(file, self._folder / file.name) if file.is_dir() else shutil.copy(file, self._folder)
        self._records = Records(self._folder / "records.db")
        self.run(self._records.__aenter__())
        self.world = World(self._records, self._folder)
        self.known: list[Family] = []
        self.disabled: set[str] = set()

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(work, self._thread.loop).result(30)

    def teardown(self) -> None:
        self.run(self._records.__aexit__(None, None, None))
        self._thread.close()
        shutil.rmtree(self._folder)

    @property
    def now(self) -> float:
        return self.world.clock.monotonic()

    def _opened(self, opened: Opened) -> tuple[str, float]:
        return opened.access, self.now + 900

    def _lives(self, family: Family) -> bool:
        return not family.has_ended and family.user not in self.disabled and not self._is_over(family)

    def _is_over(self, family: Family) -> bool:
        return self.now >= min(family.begun + WHOLE_SECONDS, family.made[-1] + IDLE_SECONDS)

    @initialize()
    def users(self) -> None:
        for name in ("ada", "bob"):
            self.run(self.world.add(name, Grant("viewer")))

    @precondition(lambda self: len(self.known) < 6)
    @rule(user=st.sampled_from(["ada", "bob"]))
    def login(self, user: str) -> None:
        login = self.world.identity.by_password.login(user, PASSWORD, address=HOME)
        if user in self.disabled:
            with pytest.raises(UnauthenticatedError):
                self.run(login)
            # Forgiven, so that this machine is about sessions and not about waiting.
            self.world.identity.throttle.succeed(user, HOME)
            return
        opened = self.run(login)
        family = Family(user, opened.session.id, self.now, [opened.refresh], [self.now])
        family.access.append(self._opened(opened))
        self.known.append(family)

    @precondition(lambda self: self.known)
    @rule(data=st.data(), again=st.none() | st.sampled_from([0, 30, 60, 61]))
    def refresh(self, data: st.DataObject, again: int | None) -> None:
        family = self._pick(data)
        self._refresh(family, back=0)
        if again is not None:
            # The same token by another program, or by a thief.
            self.wait(again)
            self._refresh(family, back=1)

    @precondition(lambda self: any(len(family.tokens) > 1 for family in self.known))
    @rule(data=st.data(), back=st.integers(1, 3))
    def refresh_again(self, data: st.DataObject, back: int) -> None:
        self._refresh(data.draw(st.sampled_from([each for each in self.known if len(each.tokens) > 1])), back)

    def _pick(self, data: st.DataObject) -> Family:
        living = [family for family in self.known if self._lives(family)]
        # Mostly those that live: about the dead there is less to find out.
        is_any = not living or (data.draw(st.booleans()) and data.draw(st.booleans()))
        return data.draw(st.sampled_from(self.known if is_any else living))

    def _refresh(self, family: Family, back: int) -> None:
        index = max(0, len(family.tokens) - 1 - back)
        secret, used = family.tokens[index], family.used[index]
        is_due = self._lives(family) and self.now < min(family.made[index] + IDLE_SECONDS, family.begun + WHOLE_SECONDS)
        is_replay = is_due and used is not None and self.now - used > GRACE_SECONDS
        if not is_due or is_replay:
            with pytest.raises(UnauthenticatedError):
                self.run(self.world.identity.sessions.refresh(secret))
            family.has_ended = family.has_ended or is_replay
            return
        opened = self.run(self.world.identity.sessions.refresh(secret))
        if used is None:
            family.used[index] = self.now
            family.tokens.append(opened.refresh)
            family.made.append(self.now)
            family.used.append(None)
        assert opened.refresh == family.tokens[index + 1]
        assert opened.session.id == family.id
        family.access.append(self._opened(opened))

    @rule(seconds=st.sampled_from([1, 30, 59, 61, 850, 1000]))
    def wait_short(self, seconds: float) -> None:
        self.wait(seconds)

    def wait(self, seconds: float) -> None:
        self.run(self.world.clock.advance(seconds))

    @rule(days=st.sampled_from([1, 13, 15, 20]))
    def wait_long(self, days: float) -> None:
        self.wait(days * 86_400)

    @precondition(lambda self: len(self.known) > 2)
    @rule(data=st.data(), by_refresh=st.booleans())
    def end(self, data: st.DataObject, by_refresh: bool) -> None:
        family = self._pick(data)
        if by_refresh:
            self.run(self.world.identity.sessions.end_by_refresh(data.draw(st.sampled_from(family.tokens))))
        elif family.has_ended:
            with pytest.raises(NotFoundError):
                self.run(self.world.identity.sessions.end(family.id, EndedBy.REVOKED))
        else:
            self.run(self.world.identity.sessions.end(family.id, EndedBy.REVOKED))
        family.has_ended = True

    @precondition(lambda self: len(self.known) > 2 or self.disabled)
    @rule(user=st.sampled_from(["ada", "bob"]))
    def let_in_or_not(self, user: str) -> None:
        account = self.run(self.world.identity.users.get(user))
        if user in self.disabled:
            self.run(self.world.identity.users.enable(ROOT, account))
            self.disabled.discard(user)
            return
        self.run(self.world.identity.users.disable(ROOT, account))
        self.disabled.add(user)
        for family in self.known:
            family.has_ended = family.has_ended or family.user == user

    @rule(is_restart=st.booleans())
    def restart_or_tidy(self, is_restart: bool) -> None:
        if is_restart:
            self.world.restarted()
            return
        self.run(self.world.identity.sessions.tidy())
        for family in self.known:
            family.has_ended = family.has_ended or self._is_over(family)

    @invariant()
    def the_store_lists_what_lives(self) -> None:
        listed = {session.id for session, _ in self.run(self.world.identity.sessions.live(None))}
        assert listed == {family.id for family in self.known if self._lives(family)}

    @invariant()
    def access_tokens_hold_while_their_session_lives(self) -> None:
        for family in self.known[-4:]:
            for token, until in family.access[-2:]:
                try:
                    principal = self.run(self.world.identity.authenticate(token))
                except UnauthenticatedError:
                    assert not self._lives(family) or self.now >= until
                else:
                    assert self._lives(family)
                    assert self.now < until + 6
                    assert (principal.name, principal.session_id) == (family.user, family.id)


def test_sessions_behave_in_every_order(tmp_path: Path) -> None:
    async def prepare() -> None:
        async with Records(tmp_path / "records.db") as records:
            # The key that signs, made once for all runs: that is what takes long.
            await World(records, tmp_path).identity.access_tokens.sign("u", "s")

    asyncio.run(prepare())
    SessionMachine.empty = tmp_path
    machine = SessionMachine.TestCase
    machine.settings = settings(max_examples=settings().max_examples // 5, stateful_step_count=40)
    machine().runTest()

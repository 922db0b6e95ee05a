"""A state machine of one host's tokens: whatever is lost and whoever crashes, the agent has one that works."""

import asyncio
import shutil
import tempfile
from collections.abc import Coroutine
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar, cast

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from nagare.agent.enrolment import Enrolment
from nagare.agent.identity import Identity, IdentityFiles
from nagare.client.client import Client
from nagare.config.places import Places
from nagare.config.settings import AgentSettings
from nagare.errors import ConflictError, RateLimitedError, UnauthenticatedError, UnavailableError
from nagare.identity.service import Identity as Callers
from nagare.keys.files import make_private_directory
from nagare.keys.signing import SigningKey
from nagare.lib.clock import ManualClock
from nagare.records.engine import Records
from nagare.wire.codec import decode
from nagare.wire.hosts import RenewedToken, TokenRenewal
from tests.component.server.loop_thread import LoopThread
from tests.support.migrated import place_records

T = TypeVar("T")
DAY = 86_400.0


class Wire:
    """The way from the agent to the server's tokens; it may lose an answer."""

    def __init__(self, machine: "TokenMachine", *, loses: bool) -> None:
        self._machine, self._loses = machine, loses

    async def renew_token(self, body: bytes, _signature: str) -> RenewedToken:
        callers, shown = self._machine.callers, self._machine.agent.token
        caller = await callers.authenticate(shown)
        secret = await callers.host_tokens.renew(caller.id, decode(body, TokenRenewal).token_sha256)
        self._machine.given.append(secret)
        if self._loses:
            raise UnavailableError("cannot hear the answer")
        return RenewedToken(secret)


class TokenMachine(RuleBasedStateMachine):
    """The machine; the clock is turned by hand."""

    def __init__(self) -> None:
        super().__init__()
        self._thread, self.clock = LoopThread(), ManualClock()
        self._folder = Path(tempfile.mkdtemp(prefix="tokens-"))
        places = Places(self._folder)
        make_private_directory(places.spool)
        self.files, self.key = IdentityFiles(places, self._folder), SigningKey.generate()
        self.enrolment = Enrolment(AgentSettings(name="web1"), places, self.files, self.clock)
        place_records(self._folder / "records.db")
        self._records = Records(self._folder / "records.db")
        self.run(self._records.__aenter__())
        self.callers = self._started()
        first = self.run(self.callers.issue_host_token("h1", "web1"))
        self.agent = Identity("own", "m1", "web1", "h1", "web1", first)
        self.files.save(self.agent)
        self.given, self.ended = [first], set[str]()

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(work, self._thread.loop).result(30)

    def _started(self) -> Callers:
        return Callers(self._records, self.clock, self._folder / "keys")

    def teardown(self) -> None:
        self.agent_sends()
        self.run(self._records.__aexit__(None, None, None))
        self._thread.close()
        shutil.rmtree(self._folder)

    def _works(self, secret: str) -> bool:
        try:
            caller = self.run(self.callers.authenticate(secret))
        except UnauthenticatedError:
            self.ended.add(secret)
            return False
        assert secret not in self.ended, "one that ended works again"
        assert caller.host == "web1"
        # A new one that was used is the only one left.
        at = self.given.index(secret)
        self.ended.update(self.given[:at])
        return True

    @rule(loses=st.booleans(), crashes=st.booleans())
    def agent_asks(self, loses: bool, crashes: bool) -> None:
        wire = cast("Client", Wire(self, loses=loses))
        self._works(self.agent.token)  # it is asked with a token in use
        try:
            renewed = self.run(self.enrolment.renew(wire, self.agent, self.key))
        except (ConflictError, RateLimitedError, UnauthenticatedError, UnavailableError):
            return
        assert self.files.load() == renewed, "used before it is kept"
        self.agent = replace(self.agent) if crashes else renewed
        if crashes:
            self.agent_crashes()

    @rule()
    def agent_sends(self) -> None:
        if not self._works(self.agent.token):
            assert self.agent.previous, "no token is left"
            self.agent = self.enrolment.settle(self.agent, is_taken=False)
            assert self._works(self.agent.token), "no token is left that works"
        elif self.agent.previous:
            self.agent = self.enrolment.settle(self.agent, is_taken=True)

    @rule(data=st.data())
    def somebody_shows_an_old_one(self, data: st.DataObject) -> None:
        current = {self.agent.token, self.agent.previous}
        old = [secret for secret in self.given if secret not in current]
        if old:
            secret = data.draw(st.sampled_from(old))
            was_ended = secret in self.ended
            # One whose answer was lost was heard by nobody: it is not tried before its time is over.
            if was_ended:
                assert not self._works(secret)

    @rule()
    def agent_crashes(self) -> None:
        kept = self.files.load()
        assert kept is not None
        self.agent = kept

    @rule()
    def server_crashes(self) -> None:
        self.callers = self._started()

    @rule(hours=st.sampled_from([0.001, 0.01, 1, 24, 8 * 24, 25 * 24]))
    def time_passes(self, hours: float) -> None:
        self.run(self.clock.advance(hours * 3600))

    @rule()
    def operator_demands(self) -> None:
        assert self.run(self.callers.host_tokens.demand(["h1"])) == 1

    @invariant()
    def the_files_hold_what_the_agent_has(self) -> None:
        kept = self.files.load()
        assert kept is not None
        assert kept.token == self.agent.token


TestTokenMachine = pytest.mark.timeout(300)(TokenMachine.TestCase)
TestTokenMachine.settings = settings(max_examples=25, stateful_step_count=25, deadline=None)

"""What stands between a frame and a program: who signed it, whether it was here before, and whether this host wants it."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass

from nagare.agent.executor.cgroups import find_parents
from nagare.agent.executor.confinement import Hold, Layers, general_hold
from nagare.agent.executor.journal import Journal
from nagare.agent.executor.launching import Runnable, find_user, prepare
from nagare.agent.executor.policy import Policy, load_policy
from nagare.agent.executor.probe import probe
from nagare.agent.executor.user import User
from nagare.agent.executor.verify import Standing, Verified, check_times, open_envelope, verify
from nagare.agent.executor.worker import Worker
from nagare.config.actions.load import load_actions
from nagare.config.files import read_trusted_bytes
from nagare.config.settings import CommandSettings
from nagare.errors import CommandRefusedError, ConfigError, PermissionDeniedError
from nagare.lib.clock import Clock
from nagare.model.command.action import Action
from nagare.model.command.result import Reason
from nagare.wire.commands import CommandEnvelope, Dispatch

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Opened:
    """An envelope that a trusted key signed for this host; ``fault`` is what is wrong with it or with the host's policy, if it is.

    ``runnable`` is what would run, where it is known already what holds programs of ``user``.
    """

    envelope: CommandEnvelope
    fault: CommandRefusedError | None = None
    verified: Verified | None = None
    user: User | None = None
    runnable: Runnable | None = None


class Gate:
    """Reads policy and actions anew for each command; what holds programs is found once."""

    def __init__(
        self,
        settings: CommandSettings,
        standing: Callable[[], Standing | None],
        journal: Journal,
        worker: Worker,
        clock: Clock,
    ) -> None:
        """Keep the parts; ``standing`` is asked on the worker's thread."""
        self._settings = settings
        self._standing = standing
        self._journal = journal
        self._worker = worker
        self._clock = clock
        # By the user that programs run as, None for the agent's own: what one may use, another may not.
        self._layers: dict[User | None, Layers] = {}

    @property
    def hold(self) -> Hold | None:
        """What holds programs of the user that was met last; None before any was."""
        found = next(reversed(self._layers.items()), None)
        return None if found is None else general_hold(found[1], found[0])

    async def open(self, dispatch: Dispatch) -> Opened:
        """Return what a trusted key signed for this host, whatever else is wrong with it. Raises CommandRefusedError."""
        return await self._worker.do(self._open, dispatch)

    async def admit(self, opened: Opened) -> Runnable:
        """Return what may run now. Raises CommandRefusedError with the first reason that is against it."""
        envelope = opened.envelope
        check_times(envelope, self._clock.now_ms())
        if self._journal.may_be_forgotten(envelope.expires_ms) or self._journal.has_nonce(envelope.nonce):
            raise CommandRefusedError("cannot run command: it, or one like it, was here before", reason=Reason.REPLAYED)
        if opened.fault is not None:
            raise opened.fault
        if opened.runnable is not None:
            return opened.runnable
        assert opened.verified is not None
        layers = await self._find_layers(opened.user)
        return await self._worker.do(prepare, opened.verified, opened.user, layers)

    async def keys_number(self) -> int:
        """Return the number of the list of keys that this host holds, zero for none."""
        standing = await self._worker.do(self._standing)
        return 0 if standing is None else standing.keys_number

    async def known_actions(self) -> dict[str, str]:
        """Return the hash of each action of this host, none where their files cannot be used."""
        try:
            actions = await self._worker.do(self._load_actions)
        except CommandRefusedError as error:
            log.warning("command_actions_unusable reason=%s", error.message)
            return {}
        return {name: action.sha256 for name, action in actions.items()}

    def _open(self, dispatch: Dispatch) -> Opened:
        standing = self._standing()
        if standing is None:
            raise CommandRefusedError("cannot run command: this host is registered nowhere", reason=Reason.NO_KEY)
        policy, fault = Policy(), None
        try:
            policy = load_policy(self._settings.policy)
        except CommandRefusedError as error:
            fault = error
        # What else is wrong is told later: only what was truly signed is worth remembering as refused.
        envelope = open_envelope(dispatch, standing, policy)
        try:
            if fault is None:
                return self._examine(envelope, dispatch, standing, policy)
        except CommandRefusedError as error:
            fault = error
        return Opened(envelope, fault)

    def _examine(self, envelope: CommandEnvelope, dispatch: Dispatch, standing: Standing, policy: Policy) -> Opened:
        verified = verify(envelope, dispatch, standing, policy, self._load_actions())
        user = find_user(policy, verified.action)
        layers = self._layers.get(user)
        runnable = None if layers is None else prepare(verified, user, layers)
        return Opened(envelope, verified=verified, user=user, runnable=runnable)

    def _load_actions(self) -> dict[str, Action]:
        try:
            return load_actions(self._settings.actions, read_trusted_bytes)
        except (ConfigError, PermissionDeniedError) as error:
            raise CommandRefusedError(error.message, hint=error.hint, reason=Reason.UNKNOWN_ACTION) from error

    async def _find_layers(self, user: User | None) -> Layers:
        if user not in self._layers:
            self._layers[user] = await probe(self._worker, find_parents(), user)
        return self._layers[user]

"""Updates: what is published, who is offered it, and a rollout that watches its hosts."""

from __future__ import annotations

import asyncio
import logging
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import Protocol, Self

from nagare.errors import ConflictError, InputError, NagareError, NotFoundError
from nagare.keys.signing import SigningKey
from nagare.lib.clock import Clock
from nagare.lib.plain_text import plain
from nagare.lib.rfc3339 import format_ms
from nagare.model.host import Enrolment, Host, HostState
from nagare.records.engine import Records
from nagare.updates.absences import Absences, Seen
from nagare.updates.files import BundleFiles
from nagare.updates.publishing import Publishing
from nagare.updates.rules import (
    CANARIES_LIMIT,
    HostNow,
    Move,
    Progress,
    Rollout,
    RolloutState,
    Step,
    Verdict,
    check_waves,
    is_held_back,
    is_reached,
    judge,
    pick_canaries,
    waiting,
)
from nagare.updates.store import KEPT_ROLLOUTS, UpdateStore
from nagare.wire.rollouts import RolloutHost, RolloutRequest, RolloutView, RolloutWait, UpdateOffer, UpdateReport

log = logging.getLogger(__name__)
_REVIEW_SECONDS = 1.0
_LOOK_SECONDS = 10.0
_REASON_LIMIT = 300


class FleetView(Protocol):
    """What this room needs of the fleet."""

    def hosts(self) -> Sequence[tuple[Host, HostState, str]]:
        """Return every host with its state and why it is in maintenance, empty when it is not."""
        ...

    async def troubles(self, began_ms: int, since_ms: int) -> Mapping[str, str]:
        """Return by name what went bad on hosts since ``since_ms`` that was not bad before ``began_ms``."""
        ...


class Updates:
    """The room. ``async with`` loads it; ``run`` renews documents and moves the rollout until cancelled."""

    def __init__(self, records: Records, directory: Path, key_file: Path, fleet: FleetView, clock: Clock) -> None:
        """Keep the neighbours; nothing is read yet."""
        self._store = UpdateStore(records)
        self._files = BundleFiles(directory)
        self._key_file = key_file
        self._fleet = fleet
        self._clock = clock
        self._rollouts: list[Rollout] = []
        # Of the open rollout, by the id of the host.
        self._steps: dict[str, Step] = {}
        self._absences = Absences()
        # When this server began to watch it.
        self._began_ms = 0
        self._fault = ""
        # When (monotonic) the metrics are asked again.
        self._look_at = 0.0

    async def __aenter__(self) -> Self:
        """Load what is published and the open rollout."""
        key = await asyncio.to_thread(SigningKey.load_or_make, self._key_file)
        self.publishing = Publishing(self._store, self._files, key, self._clock)
        await self.publishing.load()
        self._rollouts = await self._store.load_rollouts()
        self._began_ms = self._clock.now_ms()
        if (found := self._open()) is not None:
            self._steps = await self._store.load_steps(found.id)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close the folder of bundles."""
        self.publishing.close()

    async def run(self) -> None:
        """Move the rollout and renew documents, until cancelled."""
        while True:
            try:
                await self.publishing.renew()
                await self.review()
            except NagareError as error:
                if error.code != self._fault:
                    log.warning("rollout_not_reviewed: %s", error.message)
                self._fault = error.code
            else:
                self._fault = ""
            await self._clock.sleep(_REVIEW_SECONDS)

    async def offer(self, name: str, report: UpdateReport) -> UpdateOffer:
        """Note what the agent of host ``name`` tells, and return what it shall do now."""
        hosts = self._fleet.hosts()
        host, maintenance = next(((host, why) for host, _, why in hosts if host.name == name), (None, ""))
        if host is None:
            raise NotFoundError(f"cannot offer an update to {name[:80]!r}: not registered")
        rollout = self._open()
        if rollout is None or not _is_able(host) or not is_reached(rollout, host.id, host.name):
            return UpdateOffer()
        step = await self._noted(rollout, host, report, maintenance)
        is_wanted = rollout.state is RolloutState.RUNNING and report.version != rollout.version
        if is_held_back(maintenance, (why for other, _, why in hosts if _is_able(other))):
            return UpdateOffer()
        if not is_wanted or (step is not None and step.progress is Progress.FAILED):
            return UpdateOffer()
        if step is None or step.progress is not Progress.OFFERED:
            await self._note(rollout, host, Progress.OFFERED)
        root_version = max(0, report.root_version)
        return UpdateOffer(rollout.key, rollout.version, self.publishing.shelf.metadata(root_version))

    async def start(self, request: RolloutRequest, made_by: str) -> RolloutView:
        """Begin a rollout with its canaries. Raises ConflictError while one is open, InputError, NotFoundError."""
        if (other := self._open()) is not None:
            raise ConflictError(
                f"cannot start a rollout: that of {other.version} is {other.state.value}",
                hint="end it with `nagare bundle rollout abort`",
            )
        shelf = self.publishing.shelf
        if shelf.is_empty or all(bundle.version != request.version for bundle in shelf.listed.bundles):
            raise NotFoundError(
                f"cannot roll out {request.version[:40]}: it is not published",
                hint="`nagare bundle status` lists what is",
            )
        if not (request.gate_seconds >= 0 and request.patience_seconds > 0 and 0 <= request.canary_percent <= 100):
            raise InputError("cannot start a rollout: a time or a share is out of its range")
        id_, now_ms = uuid.uuid4().hex, self._clock.now_ms()
        rollout = Rollout(
            id=id_,
            version=request.version,
            state=RolloutState.RUNNING,
            canaries=self._canaries(id_, request),
            waves=check_waves(request.waves),
            gate_seconds=request.gate_seconds,
            patience_seconds=request.patience_seconds,
            made_by=made_by,
            started_ms=now_ms,
            changed_ms=now_ms,
            wave_ms=now_ms,
        )
        self._steps, self._absences = {}, Absences()
        await self._save(rollout)
        return await self.view(rollout.id)

    async def pause(self, rollout_id: str) -> RolloutView:
        """Offer nothing more until it goes on. Raises NotFoundError, ConflictError."""
        await self._save(replace(self._must(rollout_id), state=RolloutState.PAUSED, reason="paused by hand"))
        return await self.view(rollout_id)

    async def resume(self, rollout_id: str) -> RolloutView:
        """Go on, and try hosts again that failed. Raises NotFoundError, ConflictError."""
        rollout = self._must(rollout_id)
        changed = replace(
            rollout,
            state=RolloutState.RUNNING,
            reason="",
            attempt=rollout.attempt + 1,
            wave_ms=self._clock.now_ms(),
            settled_ms=None,
        )
        self._steps = {id_: step for id_, step in self._steps.items() if step.progress is Progress.INSTALLED}
        await self._save(changed, forgets_failures=True)
        return await self.view(rollout_id)

    async def abort(self, rollout_id: str) -> RolloutView:
        """End it; hosts that have the version keep it. Raises NotFoundError, ConflictError."""
        rollout = self._must(rollout_id)
        # Why it had stopped is what people look for later.
        reason = "aborted by hand" + (f" after: {rollout.reason}" if rollout.reason else "")
        await self._save(replace(rollout, state=RolloutState.ABORTED, reason=reason))
        return await self.view(rollout_id)

    async def views(self) -> list[RolloutView]:
        """Return every rollout that is kept, the newest first."""
        return [await self.view(rollout.id) for rollout in self._rollouts]

    async def view(self, rollout_id: str) -> RolloutView:
        """Return one rollout. Raises NotFoundError."""
        rollout = self._find(rollout_id)
        held = waiting(rollout, self._hosts_now()) if rollout.is_open else []
        return _view(rollout, await self._steps_of(rollout), held)

    async def review(self) -> None:
        """Move the running rollout as its hosts allow."""
        rollout = self._open()
        if rollout is None:
            return
        now_ms = self._clock.now_ms()
        self._look(rollout, now_ms)
        if rollout.state is not RolloutState.RUNNING:
            return
        verdict = await self._judged(rollout, now_ms)
        # Meanwhile somebody may have paused it: what was judged is another rollout then.
        if verdict.move is Move.WAIT or self._open() is not rollout:
            return
        match verdict.move:
            case Move.SETTLE:
                changed = replace(rollout, settled_ms=now_ms)
            case Move.UNSETTLE:
                changed = replace(rollout, settled_ms=None)
            case Move.ADVANCE:
                changed = replace(rollout, wave=rollout.wave + 1, wave_ms=now_ms, settled_ms=None)
            case Move.FINISH:
                changed = replace(rollout, state=RolloutState.DONE, reason=verdict.reason)
            case _:
                changed = replace(rollout, state=RolloutState.PAUSED, reason=verdict.reason)
        log.info("rollout_%s version=%s wave=%d reason=%s", verdict.move, rollout.version, rollout.wave, verdict.reason)
        await self._save(changed)

    async def _judged(self, rollout: Rollout, now_ms: int) -> Verdict:
        """Return what to do now; the metrics are asked before anything goes on, and else not at every look."""
        watched = self._watched(rollout)
        verdict = judge(watched, self._hosts_now(), now_ms, self._absences.well_ms)
        now = self._clock.monotonic()
        if verdict.move in (Move.WAIT, Move.UNSETTLE) and now < self._look_at:
            return verdict
        self._look_at = now + _LOOK_SECONDS
        troubles = await self._troubles(rollout)
        return judge(watched, self._hosts_now(troubles), now_ms, self._absences.well_ms)

    def _watched(self, rollout: Rollout) -> Rollout:
        """Return ``rollout`` with the patience that it has: while the server was away no host could come."""
        return replace(rollout, wave_ms=max(rollout.wave_ms, self._began_ms))

    def _look(self, rollout: Rollout, now_ms: int) -> None:
        seen = [Seen(host.id, host.state, host.maintenance, host.is_well) for host in self._hosts_now()]
        self._absences.look(seen, self._watched(rollout).wave_ms, now_ms)

    async def _troubles(self, rollout: Rollout) -> Mapping[str, str]:
        """Return what went bad: since the start, since it went on by hand, and on no host while somebody worked on it."""
        since_ms = rollout.started_ms if rollout.attempt == 1 else rollout.wave_ms
        found = dict(await self._fleet.troubles(rollout.started_ms, since_ms))
        left = {host.name: self._absences.left_ms.get(host.id, 0) for host, _, _ in self._fleet.hosts()}
        later = {name: left[name] for name in found if left.get(name, 0) > since_ms}
        for left_ms in set(later.values()):
            again = await self._fleet.troubles(rollout.started_ms, left_ms)
            for name in [name for name, at_ms in later.items() if at_ms == left_ms]:
                found[name] = again.get(name, "")
        return found

    def _hosts_now(self, troubles: Mapping[str, str] | None = None) -> list[HostNow]:
        bad = troubles or {}
        return [
            HostNow(
                host.id,
                host.name,
                state,
                self._steps.get(host.id),
                bad.get(host.name, ""),
                maintenance,
                self._absences.is_returning(host.id),
                self._absences.excused_ms(host.id),
            )
            for host, state, maintenance in self._fleet.hosts()
            if _is_able(host)
        ]

    async def _noted(self, rollout: Rollout, host: Host, report: UpdateReport, maintenance: str) -> Step | None:
        step = self._steps.get(host.id)
        if report.version == rollout.version:
            if step is None or step.progress is not Progress.INSTALLED:
                return await self._note(rollout, host, Progress.INSTALLED)
        elif report.rollout == rollout.key and report.outcome in ("refused", "failed"):
            reason = f"{report.outcome}: {plain(report.reason, _REASON_LIMIT)}"
            reason += f" (in maintenance: {maintenance})" if maintenance else ""
            if step is None or step.progress is not Progress.FAILED:
                return await self._note(rollout, host, Progress.FAILED, reason)
        elif step is not None and step.progress is Progress.INSTALLED:
            return await self._note(rollout, host, Progress.FAILED, f"it runs {plain(report.version, 40)} again")
        return step

    async def _note(self, rollout: Rollout, host: Host, progress: Progress, reason: str = "") -> Step:
        step = Step(host.name, progress, self._clock.now_ms(), reason)
        await self._store.save_step(rollout.id, host.id, step)
        self._steps[host.id] = step
        return step

    def _canaries(self, rollout_id: str, request: RolloutRequest) -> tuple[str, ...]:
        able = {host.name: host for host, _, _ in self._fleet.hosts() if _is_able(host)}
        kept = {host.name for host, _, maintenance in self._fleet.hosts() if maintenance}
        for name in request.canaries:
            if name not in able:
                raise InputError(
                    f"cannot take {name[:80]!r} as a canary: it is no active host that may be updated",
                    hint="`nagare hosts accept NAME --allow update` lets it",
                )
        wanted = request.canary_labels
        labelled = [name for name, host in able.items() if wanted and wanted.items() <= host.labels.items()]
        # Who names a host knows what is done on it; else those in maintenance are canaries only where there are no others.
        chosen = tuple(sorted({*request.canaries, *(set(labelled) - kept or labelled)}))
        if not chosen and not wanted and able:
            ids = {name: able[name].id for name in able.keys() - kept or able.keys()}
            chosen = pick_canaries(rollout_id, ids, request.canary_percent)
        if not 1 <= len(chosen) <= CANARIES_LIMIT:
            raise InputError(
                f"cannot start a rollout with {len(chosen)} canaries: no active host may be updated, or too many match",
                hint="`nagare hosts accept NAME --allow update` lets a host be updated",
            )
        return chosen

    async def _save(self, rollout: Rollout, *, forgets_failures: bool = False) -> None:
        rollout = replace(rollout, changed_ms=self._clock.now_ms())
        await self._store.save_rollout(rollout, forgets_failures=forgets_failures)
        others = [other for other in self._rollouts if other.id != rollout.id]
        kept = [rollout, *others]
        self._rollouts = sorted(kept, key=lambda other: other.started_ms, reverse=True)[:KEPT_ROLLOUTS]

    async def _steps_of(self, rollout: Rollout) -> Mapping[str, Step]:
        return self._steps if rollout is self._open() else await self._store.load_steps(rollout.id)

    def _open(self) -> Rollout | None:
        return next((rollout for rollout in self._rollouts if rollout.is_open), None)

    def _find(self, rollout_id: str) -> Rollout:
        found = next((rollout for rollout in self._rollouts if rollout.id == rollout_id), None)
        if found is None:
            raise NotFoundError(
                f"cannot find rollout {rollout_id[:40]!r}: there is none", hint="`nagare bundle rollout`"
            )
        return found

    def _must(self, rollout_id: str) -> Rollout:
        rollout = self._find(rollout_id)
        if not rollout.is_open:
            raise ConflictError(f"cannot change the rollout of {rollout.version}: it is {rollout.state.value}")
        return rollout


def _is_able(host: Host) -> bool:
    return host.enrolment is Enrolment.ACTIVE and "update" in host.capabilities


def _view(rollout: Rollout, steps: Mapping[str, Step], held: Sequence[HostNow]) -> RolloutView:
    hosts = [RolloutHost(step.host, step.progress.value, step.reason, format_ms(step.at_ms)) for step in steps.values()]
    return RolloutView(
        id=rollout.id,
        version=rollout.version,
        state=rollout.state.value,
        reason=rollout.reason,
        wave=rollout.wave,
        waves=list(rollout.waves),
        canaries=list(rollout.canaries),
        gate_seconds=rollout.gate_seconds,
        patience_seconds=rollout.patience_seconds,
        made_by=rollout.made_by,
        started_at=format_ms(rollout.started_ms),
        changed_at=format_ms(rollout.changed_ms),
        hosts=sorted(hosts, key=lambda host: host.host),
        waiting=sorted((RolloutWait(host.name, host.maintenance) for host in held), key=lambda wait: wait.host),
    )

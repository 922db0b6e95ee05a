"""One warden that is ready: an interpreter, and joining a control group, take longer than most programs, so one begins ahead.

A warden that waits knows nothing yet: not what will run, as whom, or with which secrets. It ends with its input, as any other, and
its groups with it.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import uuid
from collections.abc import Sequence
from dataclasses import replace

from nagare.agent.executor.cgroups import CgroupParents, make_groups, remove_groups
from nagare.agent.executor.confinement import Layers
from nagare.agent.executor.warden_start import Template, Warden, begin_warden
from nagare.agent.executor.worker import Worker

log = logging.getLogger(__name__)
# So long after the last program one is ready for the next: a host that runs nothing keeps nothing.
_READY_SECONDS = 60.0


class Wardens:
    """Has one warden ready while programs are being run. ``run`` begins it, and ends it when it is not needed for long."""

    def __init__(self, worker: Worker) -> None:
        """Begin with none; ``worker`` makes groups."""
        self._worker = worker
        self._ready: Warden | None = None
        self._template: Template | None = None
        self._unfit: list[Warden] = []
        self._parents: CgroupParents | None = None
        self._wanted = asyncio.Event()

    def take(self, layers: Layers) -> Warden | None:
        """Return the warden that is ready for a program in ``layers``, None when there is none; another one begins."""
        if layers.systemd_run:
            # What has begun cannot be put into a scope.
            return None
        ready, self._ready = self._ready, None
        self._parents = layers.cgroups
        if ready is not None and not (ready.is_waiting and ready.parents == layers.cgroups):
            self._unfit.append(ready)
            ready = None
        self._wanted.set()
        return ready

    def put_off(self, warden: Warden | None) -> None:
        """Take back one that was not needed after all; it is ended."""
        if warden is not None:
            self._unfit.append(warden)
            self._wanted.set()

    async def run(self) -> None:
        """Have one ready until cancelled."""
        try:
            while True:
                await self._wanted.wait()
                self._wanted.clear()
                await self._dismiss()
                if self._ready is None:
                    self._ready = await self._begin()
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(_READY_SECONDS):
                        await self._wanted.wait()
                if not self._wanted.is_set():
                    await self._end()
                    self._wanted.clear()
        finally:
            await self._end()

    async def _begin(self) -> Warden:
        parents = self._parents
        if parents is None:
            return await self._fork()
        name = f"nagare-{uuid.uuid4()}"
        folders = await self._worker.do(make_groups, parents, name)
        try:
            return replace(await self._fork([str(folder) for folder in folders]), name=name, parents=parents)
        except BaseException:
            await self._worker.do(remove_groups, folders)
            raise

    async def _fork(self, groups: Sequence[str] = ()) -> Warden:
        try:
            if self._template is None:
                self._template = Template()
            return await self._template.begin_warden(groups)
        except (OSError, TimeoutError) as error:
            # Somebody ended it: the next one has another, and this one begins by itself.
            log.info("warden_not_forked reason=%s", error)
            await self._drop_template()
            return await begin_warden((), groups)

    async def _end(self) -> None:
        """Keep nothing any more."""
        self.put_off(self._ready)
        self._ready = None
        await self._dismiss()
        await self._drop_template()

    async def _drop_template(self) -> None:
        # Forgotten when it is over: who is interrupted here begins anew.
        if self._template is not None:
            await self._template.close()
            self._template = None

    async def _dismiss(self) -> None:
        while self._unfit:
            unfit = self._unfit[0]
            await unfit.dismiss()
            self._unfit.remove(unfit)

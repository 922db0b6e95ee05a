"""A real vmagent between the sender and the store: its own batches, its own layouts, its own connections."""

from __future__ import annotations

import shutil
import tempfile
import time
from pathlib import Path

from benches.foreign.measure import Send
from benches.foreign.targets import Target
from tests.support.flood import Flooded, Load, flood
from tests.support.peers import Peer, vmagent
from tests.support.write_layout import HEADERS

_LONGEST_SECONDS = 120.0


def by_vmagent(load: Load) -> Send:
    """Return how to push ``load`` through a vmagent of its own into the store."""

    def send(target: Target, first: int, last: int | None) -> Flooded:
        token = target.headers.get("Authorization", "").removeprefix("Bearer ")
        arguments = [f"-remoteWrite.bearerToken={token}"] if token else []
        with (
            tempfile.TemporaryDirectory() as folder,
            vmagent(
                shutil.which("vmagent") or "", Path(folder), target.url + target.paths["write"], arguments
            ) as agent,
        ):
            begun = time.monotonic()
            done = flood(load, agent.url, "/api/v1/write", HEADERS, first=first, last=last)
            _wait_until_passed_on(agent, done.samples)
            done.wall_seconds = time.monotonic() - begun
        return done

    return send


def _wait_until_passed_on(agent: Peer, samples: int) -> None:
    deadline = time.monotonic() + _LONGEST_SECONDS
    while not _has_passed_on(agent, samples):
        if time.monotonic() > deadline:
            raise RuntimeError(f"vmagent has not passed on {samples:,} samples within {_LONGEST_SECONDS:g} s")
        time.sleep(0.05)


def _has_passed_on(agent: Peer, samples: int) -> bool:
    formed = _total(agent, "vmagent_remotewrite_block_size_rows_count")
    is_read = _total(agent, "vmagent_remotewrite_block_size_rows_sum") >= samples
    return is_read and _total(agent, "vmagent_remotewrite_blocks_sent_total") >= formed


def _total(agent: Peer, name: str) -> int:
    lines = agent.get("/metrics").decode().splitlines()
    return sum(int(float(line.rsplit(" ", 1)[1])) for line in lines if line.startswith(name))

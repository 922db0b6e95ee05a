"""The agent with every collector at 5 s beside Glances' CSV export: same minute, same processes to look at."""

import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from benches.cost import Cost, cost_of
from benches.report import Row, Section
from tests.support.processes import child_environment, collecting, serving, started

SECONDS = 60.0
SETTLE_SECONDS = 10.0
EXTRA = (0, 300)


@contextmanager
def _sleepers(count: int) -> Iterator[None]:
    with ExitStack() as stack:
        sleepers = [subprocess.Popen(["sleep", "600"]) for _ in range(count)]

        def end() -> None:
            for sleeper in sleepers:
                sleeper.kill()
            for sleeper in sleepers:
                sleeper.wait()

        stack.callback(end)
        yield


def _both(folder: Path, environment: dict[str, str]) -> tuple[Cost, Cost, float, float]:
    glances = [
        str(Path(sys.executable).parent / "glances"), "--quiet", "--time", "5", "--export", "csv",
        "--export-csv-file", str(folder / "glances.csv"), "--export-csv-overwrite", "--disable-autodiscover",
    ]  # fmt: skip
    data = folder / "data"
    with (
        serving(data, environment=environment),
        collecting(data, environment=environment) as agent,
        started(glances, environment=environment) as peer,
    ):
        time.sleep(SETTLE_SECONDS)
        ours, theirs = cost_of(agent.pid), cost_of(peer.pid)
        time.sleep(SECONDS)
        ours_after, theirs_after = cost_of(agent.pid), cost_of(peer.pid)
        if not (agent.is_running and peer.is_running):
            raise RuntimeError(f"one of the two ended early:\n{agent.said()}\n{peer.said()}")
    minutes = SECONDS / 60
    return (
        ours_after,
        theirs_after,
        (ours_after.cpu_seconds - ours.cpu_seconds) / minutes,
        (theirs_after.cpu_seconds - theirs.cpu_seconds) / minutes,
    )


def run() -> Section:
    """Measure both at once, with the machine's own processes and with many more."""
    section = Section(
        "Agent beside Glances",
        f"Every collector at 5 s, Glances 'export csv' at 5 s, {SECONDS:g} s after {SETTLE_SECONDS:g} s of settling; children count.",
    )
    for extra in EXTRA:
        with tempfile.TemporaryDirectory() as folder, _sleepers(extra):
            processes = len([entry for entry in Path("/proc").iterdir() if entry.name.isdigit()])
            ours, theirs, our_cpu, their_cpu = _both(Path(folder), child_environment(HOME=folder))
        among = f"among {processes} processes"
        section.rows += [
            Row(f"CPU {among}", our_cpu, "CPU-s/min", their_cpu, "glances", their_cpu),
            Row(f"resident memory (RSS) {among}", ours.rss_bytes / 1e6, "MB", theirs.rss_bytes / 1e6, "glances", 50),
            Row(f"proportional memory (PSS) {among}", ours.pss_bytes / 1e6, "MB", theirs.pss_bytes / 1e6, "glances"),
        ]
    return section

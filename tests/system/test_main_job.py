"""The main job: one command, and this machine's metrics can be asked for and agree with what the kernel says."""

import json
import os
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support import warm
from tests.support.family import family, is_alive
from tests.support.processes import Process, child_environment, nagare_argv, started, wait_for_server, wait_until
from tests.support.pty_screen import on_pty

TABLES = ["cpu", "memory", "disk", "disk_io", "network", "process"]
PROMISED_SECONDS = 15.0


def _query(data: Path, statement: str) -> list[dict[str, Any]]:
    child = warm.run(
        nagare_argv("--data", data, "query", statement, "-o", "json"), check=False, capture_output=True, text=True
    )
    if child.returncode:
        raise AssertionError(f"query ended with {child.returncode}: {child.stderr}")
    rows: list[dict[str, Any]] = json.loads(child.stdout)
    return rows


def _is_filled(data: Path, table: str) -> bool:
    child = warm.run(
        nagare_argv("--data", data, "query", f"select count(*) n from {table}", "-o", "json"),
        check=False,
        capture_output=True,
        text=True,
    )
    return child.returncode == 0 and bool(json.loads(child.stdout)[0]["n"] > 0)


@pytest.fixture
def installation(tmp_path: Path) -> Iterator[tuple[Path, Process]]:
    """``nagare up`` on a fresh directory, without a terminal."""
    data = tmp_path / "data"
    with started(nagare_argv("--data", data, "up", "--listen", "127.0.0.1:0")) as up:
        yield data, up


def test_every_table_fills_soon_and_values_agree_with_the_kernel(installation: tuple[Path, Process]) -> None:
    data, up = installation
    server = wait_for_server(up, data)
    begun = time.monotonic()
    for table in TABLES:
        wait_until(lambda table=table: _is_filled(data, table), f"rows in {table}", up)
    assert time.monotonic() - begun < PROMISED_SECONDS
    # The first look at counters has no ratios yet.
    wait_until(lambda: bool(_query(data, "select 1 one from cpu where busy_ratio is not null")), "ratios", up)
    for check in (_memory_agrees, _disk_agrees, _load_agrees, _processes_agree, _ratios_agree):
        check(data)
    _counters_lie_between(data, server.url, up)
    _ctrl_c_ends_all(data, up)


def _newest(data: Path, table: str) -> list[dict[str, Any]]:
    return _query(data, f"select * from {table} where ts = (select max(ts) from {table})")


def _memory_agrees(data: Path) -> None:
    told = {line.split(":")[0]: int(line.split()[1]) * 1024 for line in Path("/proc/meminfo").read_text().splitlines()}
    row = _newest(data, "memory")[0]
    assert row["total_bytes"] == told["MemTotal"]
    assert abs(row["available_bytes"] - told["MemAvailable"]) < max(0.1 * told["MemTotal"], 512 * 2**20)
    assert row["used_bytes"] == row["total_bytes"] - row["available_bytes"]
    assert row["swap_total_bytes"] == told["SwapTotal"]


def _disk_agrees(data: Path) -> None:
    rows = {row["mount"]: row for row in _newest(data, "disk")}
    listed = subprocess.run(
        ["df", "--block-size=1", "--output=target,size,used,avail,pcent", "--local"],
        check=False,
        capture_output=True,
        text=True,
    ).stdout.splitlines()[1:]
    df = {line.split()[0]: line.split()[1:] for line in listed}
    both = rows.keys() & df.keys()
    assert both, f"df knows {sorted(df)}, the table {sorted(rows)}"
    for mount in both:
        size, used, available = (int(value) for value in df[mount][:3])
        row = rows[mount]
        assert row["total_bytes"] == size
        assert abs(row["used_bytes"] - used) < max(0.02 * size, 256 * 2**20)
        assert abs(row["available_bytes"] - available) < max(0.02 * size, 256 * 2**20)
        assert abs(row["used_ratio"] * 100 - int(df[mount][3].rstrip("%"))) <= 3


def _load_agrees(data: Path) -> None:
    row = _newest(data, "load")[0]
    assert row["cores"] == os.cpu_count()
    assert abs(row["load1"] - os.getloadavg()[0]) < 2
    assert abs(row["uptime_seconds"] - float(Path("/proc/uptime").read_text().split()[0])) < 30
    assert 0 < row["processes"] <= row["threads"]


def _processes_agree(data: Path) -> None:
    rows = _newest(data, "process")
    alive = [row for row in rows if is_alive(row["pid"])]
    assert alive
    for row in alive:
        # A process may rename itself or exec between the two looks; nearly all do not.
        assert row["memory_bytes"] >= 0
        assert row["cpu_ratio"] is None or 0 <= row["cpu_ratio"] <= (os.cpu_count() or 1) * 1.1
    names = [row for row in alive if Path(f"/proc/{row['pid']}/comm").read_text().strip()[:15] == row["name"][:15]]
    assert len(names) >= len(alive) * 0.7
    assert len({row["rank"] for row in rows}) == len(rows)


def _ratios_agree(data: Path) -> None:
    modes = ["user", "nice", "system", "idle", "iowait", "irq", "softirq", "steal", "guest"]
    rows = _query(data, "select * from cpu where busy_ratio is not null")
    assert {row["core"] for row in rows} >= {"all", "0"}
    for row in rows:
        assert sum(row[f"{mode}_ratio"] or 0 for mode in modes) == pytest.approx(1, abs=0.02)
        assert 0 <= row["busy_ratio"] <= 1.0001


def _kernel_counters() -> dict[str, float]:
    """Return what only rises: read before and after a sample, the sample must lie between."""
    stat = Path("/proc/stat").read_text()
    cpu = [int(value) for value in stat.split("\n", 1)[0].split()[1:9]]
    switches = next(int(line.split()[1]) for line in stat.splitlines() if line.startswith("ctxt"))
    loopback = next(line for line in Path("/proc/net/dev").read_text().splitlines() if line.strip().startswith("lo:"))
    busy = (sum(cpu) - cpu[3] - cpu[4]) / os.sysconf("SC_CLK_TCK")
    return {"cpu": busy, "switches": switches, "loopback": int(loopback.split(":")[1].split()[0])}


def _counters_lie_between(data: Path, url: str, up: Process) -> None:
    before, now_ms = _kernel_counters(), time.time_ns() // 1_000_000

    def sample() -> list[dict[str, Any]]:
        return _query(
            data,
            "select c.seconds_total cpu, c.context_switches_total switches, n.received_bytes_total loopback"
            " from cpu c asof join network n on c.host = n.host and n.ts >= c.ts"
            f" where c.core = 'all' and n.interface = 'lo' and epoch_ms(c.ts) > {now_ms} order by c.ts limit 1",
        )

    row = wait_until(sample, f"a sample after {now_ms} from {url}", up)[0]
    after = _kernel_counters()
    for name, value in row.items():
        # A hundredth of a second is what the kernel's books round to, per core.
        assert before[name] - 0.1 <= value <= after[name] + 0.1, name


def _ctrl_c_ends_all(data: Path, up: Process) -> None:
    members = family(up.pid)
    assert len(members) >= 3, "server, agent and their parent"
    note = json.loads((data / "run" / "server.json").read_text())
    os.killpg(up.pid, signal.SIGINT)
    assert up.wait() == 0, up.said()
    assert "Traceback" not in up.said()
    wait_until(lambda: not any(is_alive(pid) for pid in [*members, note["pid"]]), "the end of every child", seconds=5)
    assert not (data / "run" / "server.json").exists()
    # The files answer now that no server does.
    assert _query(data, "select count(*) n from cpu")[0]["n"] > 0


def test_sigterm_ends_all_cleanly_too(installation: tuple[Path, Process]) -> None:
    data, up = installation
    wait_for_server(up, data)
    members = family(up.pid)
    assert up.stop() == 0, up.said()
    wait_until(lambda: not any(is_alive(pid) for pid in members), "the end of every child", seconds=5)


def test_a_dead_parent_leaves_no_orphans(installation: tuple[Path, Process]) -> None:
    data, up = installation
    wait_for_server(up, data)
    children = family(up.pid)[1:]
    up.kill()
    wait_until(lambda: not any(is_alive(pid) for pid in children), "the end of every child", seconds=30)


def test_up_on_a_terminal_opens_the_dashboard_and_q_ends_all(tmp_path: Path) -> None:
    data = tmp_path / "data"
    argv = nagare_argv("--data", data, "up", "--listen", "127.0.0.1:0")
    with on_pty(argv, 120, 40, environment=child_environment()) as screen:
        screen.wait_for("overview")
        host = os.uname().nodename
        screen.wait_for(host.split(".")[0][:12])
        children = family(screen.popen.pid)[1:]
        screen.press("q")
        assert screen.wait() == 0
        wait_until(lambda: not any(is_alive(pid) for pid in children), "the end of every child", seconds=10)

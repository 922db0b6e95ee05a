"""An action on ten real agents, of which one is dead, one slow, one denies and one dies in mid-command: the truth about each."""

import json
import signal
from collections import Counter
from pathlib import Path
from typing import Any

from tests.support import warm
from tests.support.command_fleet import ALLOW, MARK, CommandFleet, command_fleet, is_true
from tests.support.frozen import freeze
from tests.support.processes import nagare_argv, started, wait_until

WELL = [f"web{number}" for number in range(6)]
DEAD, SLOW, DENYING, DYING = "dead", "slow", "denying", "dying"
HOSTS = {**dict.fromkeys([*WELL, DEAD, SLOW, DYING], ALLOW), DENYING: '[[allow]]\nactions = ["disk.*"]\n'}
STATES = {
    **dict.fromkeys([*WELL, SLOW], ("done", "exit")),
    DEAD: ("expired", "expired"),
    DENYING: ("failed", "policy-denies"),
    DYING: ("lost", "agent-died"),
}


def _nagare(fleet: CommandFleet, *words: str) -> str:
    """Return what a command wrote that must end well."""
    argv = nagare_argv("--data", fleet.data, *words)
    ended = warm.run(argv, capture_output=True, check=False, timeout=60, env=fleet.environment())
    assert ended.returncode == 0, ended.stderr
    return ended.stdout.decode()


def _by_host(fleet: CommandFleet) -> dict[str, dict[str, Any]]:
    """Return the commands of the one job by their hosts, none while there is no job."""
    return {command["host"]: command for job in fleet.jobs() for command in job["commands"]}


def _has_begun(fleet: CommandFleet, host: str) -> bool:
    command = _by_host(fleet).get(host)
    return command is not None and fleet.marked().get(command["id"], Counter())["began"] == 1


def _break(fleet: CommandFleet) -> None:
    """Let happen to the hosts what happens to hosts, once the job is there."""
    wait_until(lambda: _has_begun(fleet, DYING), "the program of the host that dies")
    fleet.kill_agent(DYING)
    fleet.start_agent(DYING)
    ended = {host for host in HOSTS if host not in (DEAD, SLOW)}
    wait_until(
        lambda: all(_by_host(fleet)[host]["state"] in ("done", "failed", "lost") for host in ended), "all but two ends"
    )
    assert _by_host(fleet)[SLOW]["state"] == "sent", "nobody knows more of it"
    fleet.agent(SLOW).send(signal.SIGCONT)


def test_the_summary_tells_the_truth_about_each_of_ten(tmp_path: Path) -> None:
    with command_fleet(tmp_path, HOSTS) as fleet:
        assert fleet.server is not None
        fleet.kill_agent(DEAD)
        wait_until(lambda: DEAD in fleet.unable(), "the server's word that it is away")
        freeze(fleet.agent(SLOW).pid)
        words = ("run", "--all", "-o", "table", "--stop-after", "0", "--expires", "5s", "--", MARK, "seconds=1")
        with started(nagare_argv("--data", fleet.data, *words), environment=fleet.environment()) as run:
            _break(fleet)
            assert run.wait() == 10, run.said()
        said = run.said()
        assert "7 done, 1 failed (policy-denies), 1 expired, 1 lost (agent-died)" in said
        for host, told in ((DENYING, "no rule of its policy allows it"), (DYING, "how far it came is not known")):
            assert any(host in line and told in line for line in said.splitlines()), said
        assert any(line.strip().startswith(f"{DEAD}: expired") for line in said.splitlines()), said
        commands, marked = _by_host(fleet), fleet.marked()
        assert {host: (command["state"], command["reason"]) for host, command in commands.items()} == STATES
        for command in commands.values():
            assert is_true(command, marked.get(command["id"], Counter()), status=0), command
        entries = json.loads(_nagare(fleet, "audit", "list", "--action", "commands.run", "-o", "json"))
        (asked,) = [entry["after"] for entry in entries if not entry["after"]["check"]]
        assert (asked["action"], asked["hosts_count"], sorted(asked["hosts"])) == (MARK, 10, sorted(HOSTS))
        events = fleet.server.sql("SELECT host, kind FROM events WHERE source = 'commands' AND host <> ''")
        assert sorted(events) == [[DENYING, "command.failed"], [DYING, "command.lost"]]
        _nagare(fleet, "audit", "verify")

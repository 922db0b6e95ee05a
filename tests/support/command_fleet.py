"""A server and agents as real processes, each host with files and a policy of its own, and an action that leaves a mark.

Every process may be killed and started again: the server keeps its port, a host what it was given. What ran is read from the
marks, which no word of server or agent has touched.
"""

import os
import signal
import socket
import stat
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any

from tests.support.family import family
from tests.support.processes import (
    Process,
    RunningServer,
    child_environment,
    nagare_argv,
    started,
    wait_for_server,
    wait_until,
)

# Writes a word when it begins and one when it ends, each synced, into the file of its command.
_MARK = """#!/bin/sh
word() {{ echo "$1" >> "{marks}/$NAGARE_COMMAND" && sync "{marks}/$NAGARE_COMMAND"; }}
word began
sleep "$1"
word ended
exit "$2"
"""
_ACTION = """name = "{name}"
version = 1
title = "Leave a mark"
risk = "none"
run = [["{program}", "{{seconds}}", "{{status}}"]]
writable = ["{marks}"]

[parameters.seconds]
type = "choice"
choices = ["0", "0.1", "0.3", "1", "60"]

[parameters.status]
type = "integer"
low = 0
high = 100
default = 0

[limits]
timeout_seconds = 90
"""
MARK = "site.mark"
ALLOW = f'[[allow]]\nactions = ["{MARK}"]\n'


class CommandFleet:
    """The processes by name, and what commands left. ``close`` ends all."""

    def __init__(self, folder: Path, policies: Mapping[str, str], **server: str) -> None:
        """Write every host's policy; nothing is started yet. ``server`` are variables of the server alone."""
        self._folder = folder
        self._variables = server
        self.data = folder / "server"
        self.marks = folder / "marks"
        self.actions = folder / "actions"
        for made in (self.marks, self.actions):
            made.mkdir(parents=True)
        self._write_action()
        for name, policy in policies.items():
            (folder / name).mkdir()
            (folder / name / "policy.toml").write_text(policy)
        self.hosts = list(policies)
        self._port = _free_port()
        self._agents: dict[str, tuple[ExitStack, Process]] = {}
        self._serving = ExitStack()
        self._starting: Process | None = None
        self.server: RunningServer | None = None

    def _write_action(self) -> None:
        program = self._folder / "mark"
        program.write_text(_MARK.format(marks=self.marks))
        program.chmod(stat.S_IRWXU | stat.S_IRGRP | stat.S_IXGRP | stat.S_IROTH | stat.S_IXOTH)
        text = _ACTION.format(name=MARK, program=program, marks=self.marks)
        (self.actions / f"{MARK}.toml").write_text(text)

    def environment(self, **more: str) -> dict[str, str]:
        """Return what every process of the fleet is given."""
        environment = child_environment(NAGARE_COMMANDS__ACTIONS=str(self.actions), **more)
        # A process that is killed tells coverage nothing, and starts faster without it.
        environment.pop("COVERAGE_PROCESS_CONFIG", None)
        return environment

    def begin_server(self) -> Process:
        """Start the server and do not wait for it."""
        argv = nagare_argv("--data", self.data, "serve", "--listen", f"127.0.0.1:{self._port}")
        self._starting = self._serving.enter_context(started(argv, environment=self.environment(**self._variables)))
        return self._starting

    def start_server(self) -> RunningServer:
        """Start the server and wait until it is ready."""
        process = self.begin_server()
        self.server = wait_for_server(process, self.data, pid=process.pid)
        return self.server

    def kill_server(self) -> None:
        """End it as a power cut would, also while it starts."""
        if self._starting is not None and self._starting.is_running:
            self._starting.popen.kill()

    def kill_worker(self) -> None:
        """End the first process that the server began for tasks, if there is one."""
        assert self.server is not None
        for pid in family(self.server.process.pid)[1:2]:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)

    def bury_server(self) -> None:
        """Wait for the end of what was killed."""
        self._serving.close()

    def give_grants(self) -> None:
        """Let every host of the fleet join, with the capability for commands."""
        assert self.server is not None
        terms = {"uses": len(self.hosts), "capabilities": ["metrics", "commands"], "accepts": True}
        token = self._folder / "join.token"
        token.write_text(self.server.request("/api/v1/join-tokens", terms)["token"])
        token.chmod(0o600)

    def start_agent(self, name: str) -> Process:
        """Start the agent of a host; it collects next to nothing."""
        folder = self._folder / name
        environment = self.environment(
            NAGARE_AGENT__NAME=name,
            NAGARE_AGENT__JOIN_TOKEN_FILE=str(self._folder / "join.token"),
            NAGARE_AGENT__INTERVAL_SECONDS="60",
            NAGARE_AGENT__DISABLED="process,container,disk_io,network,sensor,unit,gpu,smart,probe",
            NAGARE_COMMANDS__POLICY=str(folder / "policy.toml"),
        )
        stack = ExitStack()
        process = stack.enter_context(started(nagare_argv("--data", folder, "agent"), environment=environment))
        self._agents[name] = stack, process
        return process

    def kill_agent(self, name: str) -> None:
        """End the agent of a host as a power cut would."""
        stack, process = self._agents.pop(name)
        if process.is_running:
            os.kill(process.pid, signal.SIGKILL)
        stack.close()

    def agent(self, name: str) -> Process:
        """Return the agent of a host."""
        return self._agents[name][1]

    def unable(self) -> dict[str, str]:
        """Return the hosts that cannot be asked now, with why."""
        assert self.server is not None
        asked = {"action": MARK, "arguments": {"seconds": "0"}, "targets": {"all": True}, "check": True}
        unable: dict[str, str] = self.server.request("/api/v1/commands", asked)["unable"]
        return unable

    def wait_for_agents(self, names: list[str]) -> None:
        """Return once those hosts can be asked."""
        assert self.server is not None
        server = self.server

        def are_here() -> bool:
            known = {host["name"] for host in server.request("/api/v1/hosts")["hosts"]}
            return known >= set(names) and not set(names) & self.unable().keys()

        wait_until(are_here, f"{len(names)} agents", self.agent(names[0]))

    def marked(self) -> dict[str, Counter[str]]:
        """Return by command the words that it left."""
        return {path.name: Counter(path.read_text().split()) for path in self.marks.iterdir()}

    def jobs(self) -> list[dict[str, Any]]:
        """Return every job that the server knows, with its commands."""
        assert self.server is not None
        server = self.server
        return [server.request(f"/api/v1/commands/{job['id']}") for job in self._summaries()]

    def counts(self) -> Counter[str]:
        """Return how many commands are in each state."""
        counts = Counter[str]()
        for job in self._summaries():
            counts.update(job["counts"])
        return counts

    def tasks(self) -> list[dict[str, Any]]:
        """Return every task that the server knows."""
        assert self.server is not None
        page = self.server.request("/api/v1/tasks?limit=500")
        assert not page["next"], "more tasks than one page has"
        tasks: list[dict[str, Any]] = page["tasks"]
        return tasks

    def _summaries(self) -> Iterator[dict[str, Any]]:
        assert self.server is not None
        after = ""
        while True:
            page = self.server.request(f"/api/v1/commands?limit=200&after={after}")
            yield from page["jobs"]
            if not (after := page["next"]):
                return

    def close(self) -> None:
        """End everything."""
        for name in list(self._agents):
            self.kill_agent(name)
        self._serving.close()


@contextmanager
def command_fleet(folder: Path, policies: Mapping[str, str], **server: str) -> Iterator[CommandFleet]:
    """Run a server with agents on all of those hosts; ``server`` are variables of the server alone."""
    fleet = CommandFleet(folder, policies, **server)
    try:
        fleet.start_server()
        fleet.give_grants()
        for name in fleet.hosts:
            fleet.start_agent(name)
        fleet.wait_for_agents(fleet.hosts)
        yield fleet
    finally:
        fleet.close()


def is_true(command: Mapping[str, Any], words: Counter[str], status: int) -> bool:
    """Tell whether what is told of a command agrees with the words that it left; ``status`` is what it was to end with."""
    ran, ended = words["began"], words["ended"]
    match command["state"], command["reason"]:
        case "done", _:
            return (ran, ended, command["exit_code"], status) == (1, 1, 0, 0)
        case "failed", "exit":
            return (ran, ended, command["exit_code"]) == (1, 1, status) and status != 0
        case ("failed" | "expired", _):
            return ran == 0
        case "cancelled", _:
            # Before it began, or while it ran: it did not end by itself.
            return ran <= 1 and ended <= ran and command["exit_code"] is None
        case "lost", _:
            return ran <= 1
    return False


def _free_port() -> int:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port: int = taken.getsockname()[1]
        return port

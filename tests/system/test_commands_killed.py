"""kill -9 of server, agents, workers and NATS at random moments of commands and tasks: nothing runs twice or vanishes, every state is true.

What is told is compared with what the programs themselves left: a file for each command, a line when it begins, a line when
it ends.
"""

import http.client
import random
import threading
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from tests.support.command_fleet import ALLOW, MARK, CommandFleet, command_fleet, is_true
from tests.support.nats_server import NatsServer, nats_server
from tests.support.processes import child_environment, nagare_argv, started, wait_until

HOSTS = dict.fromkeys(("web1", "web2"), ALLOW)
# Whom to kill; "start" is a server that has only begun to start.
VICTIMS = ["server", "server", "start", "worker", "worker", *HOSTS]
ENDED = {"done", "failed", "expired", "lost", "cancelled"}
# However a request ends whose server was killed.
BROKEN = (OSError, http.client.HTTPException)


class Storm:
    """Asks, cancels and kills, as chance says."""

    def __init__(self, fleet: CommandFleet, chance: random.Random, nats: NatsServer | None = None) -> None:
        """Keep the fleet, and its bus where that is a server of its own."""
        self._fleet = fleet
        self._chance = chance
        self._nats = nats
        # What the server has answered for: the status that each job's commands are to end with.
        self.promised: dict[str, int] = {}
        self.promised_tasks: set[str] = set()
        # How often each was killed, and how much was asked.
        self.tally = Counter[str]()

    def begin(self) -> None:
        """Kill an agent in mid-command: here nothing is left to chance."""
        before = self._fleet.marked().keys()
        self._ask(seconds="60", hosts=["web1"])
        wait_until(lambda: self._fleet.marked().keys() - before, "the program", self._fleet.agent("web1"))
        self._fleet.kill_agent("web1")
        self._fleet.start_agent("web1")

    def round(self, victim: str) -> None:
        """Kill ``victim`` at a random moment while jobs are asked for, and start it again."""
        timer = threading.Timer(self._chance.uniform(0.0, 0.6), self._kill, [victim])
        timer.start()
        for _ in range(self._chance.randint(2, 5)):
            self._ask()
            if self._chance.random() < 0.3:
                self._cancel()
            if self._chance.random() < 0.5 or victim == "worker":
                self._ask_for_task()
        timer.join()
        if victim in HOSTS:
            self._fleet.start_agent(victim)
        if victim == "nats" and self._nats is not None:
            self._nats.start()
        if victim in HOSTS or victim in ("worker", "nats"):
            return
        self._fleet.bury_server()
        if victim == "start":
            process = self._fleet.begin_server()
            timer = threading.Timer(self._chance.uniform(0.1, 1.0), process.kill)
            timer.start()
            timer.join()
            self._fleet.bury_server()
        self._fleet.start_server()

    def _kill(self, victim: str) -> None:
        self.tally[f"kill {victim}"] += 1
        if victim in HOSTS:
            self._fleet.kill_agent(victim)
        elif victim == "worker":
            self._fleet.kill_worker()
        elif victim == "nats" and self._nats is not None:
            self._nats.kill()
        else:
            self._fleet.kill_server()

    def _ask(self, *, seconds: str = "", hosts: list[str] | None = None) -> None:
        asked = self._job(seconds or self._chance.choice(["0", "0", "0.1", "0.3", "1"]), hosts)
        answer = self._post("/api/v1/commands", asked)
        if answer is not None:
            self.promised[answer["id"]] = asked["arguments"]["status"]

    def _ask_for_task(self) -> None:
        asked: dict[str, Any] = {"kind": "verify"}
        if self._chance.random() < 0.5:
            asked = {"kind": "command", "arguments": self._job("0.1", None)}
        answer = self._post("/api/v1/tasks", asked)
        if answer is not None:
            self.promised_tasks.add(answer["id"])

    def _job(self, seconds: str, hosts: list[str] | None) -> dict[str, Any]:
        hosts = hosts or self._chance.sample(list(HOSTS), self._chance.randint(1, len(HOSTS)))
        arguments = {"seconds": seconds, "status": self._chance.choice([0, 0, 3])}
        return {"action": MARK, "arguments": arguments, "targets": {"hosts": hosts}, "batches": {"stop_after": 0}}

    def _post(self, path: str, asked: dict[str, Any]) -> Any:
        """Return the answer, None where the server was killed before it. What was asked may have been kept all the same."""
        assert self._fleet.server is not None
        self.tally[f"ask {path.rpartition('/')[2]}"] += 1
        try:
            return self._fleet.server.request(path, asked)
        except BROKEN:
            return None

    def _cancel(self) -> None:
        if not self.promised:
            return
        job_id = self._chance.choice(list(self.promised)[-3:])
        try:
            assert self._fleet.server is not None
            self._fleet.server.request(f"/api/v1/commands/{job_id}/cancel", method="POST")
        except BROKEN:
            # The server is gone, or the job is over.
            pass


def _settle(fleet: CommandFleet) -> None:
    """Return once every command and every task has ended."""
    assert fleet.server is not None
    process = fleet.server.process
    # What went out and did not arrive is over a minute after it expired.
    wait_until(lambda: fleet.counts().keys() <= ENDED, "the end of every command", process, seconds=420)
    over = {"done", "failed", "cancelled", "lost"}
    wait_until(lambda: {task["state"] for task in fleet.tasks()} <= over, "the end of every task", process, seconds=420)


def _check(fleet: CommandFleet, storm: Storm) -> Counter[str]:
    """Compare what is told with what was left; return how many ended in which state."""
    jobs, marked = {job["id"]: job for job in fleet.jobs()}, fleet.marked()
    vanished = storm.promised.keys() - jobs.keys()
    assert not vanished, f"vanished: {vanished}"
    twice = {id_: words for id_, words in marked.items() if words["began"] > 1 or words["ended"] > 1}
    assert not twice, f"ran twice: {twice}"
    commands = {command["id"]: (job, command) for job in jobs.values() for command in job["commands"]}
    assert marked.keys() <= commands.keys(), "something ran of which the server knows nothing"
    for id_, (job, command) in commands.items():
        words = marked.get(id_, Counter())
        assert is_true(command, words, job["arguments"]["status"]), (command, words)
    _check_tasks(fleet, storm, {job_id: job["state"] for job_id, job in jobs.items()})
    return Counter(command["state"] for _, command in commands.values())


def _check_tasks(fleet: CommandFleet, storm: Storm, jobs: dict[str, str]) -> None:
    tasks = {task["id"]: task for task in fleet.tasks()}
    assert storm.promised_tasks <= tasks.keys(), f"vanished: {storm.promised_tasks - tasks.keys()}"
    for task in tasks.values():
        if task["kind"] == "command":
            # A task is its job: done as that is, and one alone.
            assert (task["state"] == "done") == (jobs.get(task["id"]) == "done"), task
        elif task["state"] == "done":
            assert task["result"]["bad"] == 0, task
        else:
            # It may run again, and did, until it had been killed too often.
            assert (task["state"], task["attempt"]) == ("failed", 3), task
            assert task["reason"] in ("worker-died", "server-died"), task


def _tell(fleet: CommandFleet, storm: Storm, states: Counter[str]) -> None:
    """Say how much happened: a storm in which little did shows little."""
    tasks = Counter(task["state"] for task in fleet.tasks())
    print(f"{len(storm.promised)} jobs and {len(storm.promised_tasks)} tasks promised; {dict(storm.tally)}")
    print(f"{len(fleet.marked())} commands ran; commands: {dict(states)}; tasks: {dict(tasks)}")


def _run(folder: Path, rounds: int, seed: int, nats: NatsServer | None = None) -> Counter[str]:
    chance = random.Random(seed)
    victims = VICTIMS if nats is None else [*VICTIMS, "nats", "nats"]
    variables = {} if nats is None else {"NAGARE_BUS__SERVERS": nats.url}
    with command_fleet(folder, HOSTS, **variables) as fleet:
        storm = Storm(fleet, chance, nats)
        storm.begin()
        for _ in range(rounds):
            for victim in chance.sample(victims, len(victims)):
                storm.round(victim)
            # A slow machine would kill servers faster than agents come back, and nothing would run.
            fleet.wait_for_agents(fleet.hosts)
        _settle(fleet)
        states = _check(fleet, storm)
        _tell(fleet, storm, states)
    with started(nagare_argv("--data", fleet.data, "audit", "verify"), environment=child_environment()) as verify:
        assert verify.wait() == 0, verify.said()
    return states


def test_no_command_runs_twice_or_vanishes_whoever_is_killed(tmp_path: Path) -> None:
    states = _run(tmp_path, rounds=1, seed=5)
    assert all(states[state] for state in ("done", "failed", "lost")), f"too little happened: {states}"


@pytest.mark.soak
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("seed", range(3))
def test_no_command_runs_twice_or_vanishes_in_five_minutes(tmp_path: Path, seed: int) -> None:
    states = _run(tmp_path, rounds=25, seed=seed)
    assert all(states[state] for state in ("done", "failed", "lost", "cancelled")), states


@pytest.mark.soak
@pytest.mark.timeout(3600)
def test_no_command_or_task_vanishes_while_its_bus_is_killed(tmp_path: Path) -> None:
    with nats_server(tmp_path / "nats") as nats:
        states = _run(tmp_path, rounds=20, seed=7, nats=nats)
    assert all(states[state] for state in ("done", "failed", "lost", "cancelled")), states

"""Answers of a server of commands on demand, over real HTTP on loopback: what a real one gives too seldom to wait for.

The command line and a real server with a real agent meet in ``tests/system/test_run_commands.py``. It knows the shapes of ``wire/command_jobs.py`` and nothing else: what a job does is a script that the test gives.
"""

import asyncio
import threading
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from typing import Any

import msgspec
from aiohttp import web

from nagare.errors import ConflictError, NagareError, NotFoundError
from nagare.server.problems import error_response
from nagare.wire.codec import decode, encode
from nagare.wire.command_jobs import (
    ActionList,
    ActionView,
    Approve,
    CheckView,
    CommandView,
    FollowLine,
    JobLine,
    JobList,
    JobRequest,
    JobView,
    OutputLine,
    ParameterView,
    Reject,
    StateLine,
    StreamView,
    Targets,
    with_unable,
)

SHA, PLAN = "a" * 64, "b" * 64
JOB = "0a1b2c3d-0000-4000-8000-000000000001"
NOW = "2026-11-26T08:00:00.000Z"
ARGVS = [["systemctl", "restart", "--", "nginx.service"]]
ACTIONS = [
    ActionView("host.uptime", 1, "Show the load", "none", "commands", needs_root=False, sha256=SHA, parameters=[],
               timeout_seconds=10, may_run=True),
    ActionView("service.restart", 1, "Restart a systemd unit", "self-confirm", "commands", needs_root=True, sha256=SHA,
               parameters=[ParameterView("unit", "unit", "unit to restart")], timeout_seconds=120, may_run=True),
    ActionView("site.deploy", 2, "Deploy the site", "second-person", "commands", needs_root=False, sha256=SHA,
               parameters=[
                   ParameterView("version", "string", "what to deploy"),
                   ParameterView("only", "string", "parts", is_optional=True, is_list=True),
                   ParameterView("workers", "integer", "how many", default=4, low=1, high=64),
                   ParameterView("force", "flag", "over changes", is_optional=True),
                   ParameterView("token", "secret", "of the registry", is_optional=True),
               ], timeout_seconds=600, may_run=False, is_own=True),
]  # fmt: skip


def command(host: str, state: str = "done", *, out: str = "", err: str = "", **more: Any) -> CommandView:
    """Return a command and what it wrote."""
    if state == "done":
        more = {"reason": "exit", "exit_code": 0, **more}
    return CommandView(f"id-{host}", host, state, NOW, stdout=StreamView(out), stderr=StreamView(err), **more)


def job_of(request: JobRequest, commands: list[CommandView], state: str, stopped: str = "") -> JobView:
    """Return a job of ``commands``."""
    return JobView(
        id=JOB,
        action=request.action,
        arguments=request.arguments,
        action_sha256=SHA,
        plan_sha256=PLAN,
        risk=_known(request.action).risk,
        approval="none",
        requester="ada",
        approver="",
        why=request.why,
        state=state,
        made_at=NOW,
        expires_at="2026-11-26T08:05:00Z",
        batches=request.batches,
        counts=dict(Counter(one.state for one in commands)),
        argvs=ARGVS,
        commands=commands,
        stopped=stopped,
    )


@dataclass
class CommandServer:
    """The other side of the wire; what it was asked stands in ``requests`` and ``asked``."""

    # How the commands of the next job end, by host in order; these hosts are what every check names.
    ends: list[CommandView] = field(default_factory=lambda: [command("web1", out="up 3 days\n")])
    unable: dict[str, str] = field(default_factory=dict)
    # What became so between the check and the job.
    late_unable: dict[str, str] = field(default_factory=dict)
    stopped: str = ""
    # Output lines of the job, as (host, stream, text); without one, what the ends say is sent.
    output: list[tuple[str, str, str]] | None = None
    # After how many lines each connection of a follower is cut; those behind the last are not.
    cuts: list[int] = field(default_factory=list)
    # Whether the job waits, after its first states, until ``go`` is set.
    is_held: bool = False
    go: asyncio.Event = field(default_factory=asyncio.Event)
    followed: threading.Event = field(default_factory=threading.Event)
    refusal: NagareError | None = None
    # The job that is asked about.
    request: JobRequest = field(default_factory=lambda: JobRequest("host.uptime", Targets(all=True)))
    is_ended: bool = False
    why: str = ""
    requests: list[JobRequest] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)
    url: str = ""

    def app(self) -> web.Application:
        """Return the application."""
        app = web.Application(middlewares=[self._refuse])
        app.add_routes(
            [
                web.get("/api/v1/actions", self._actions),
                web.post("/api/v1/commands", self._post),
                web.get("/api/v1/commands", self._list),
                web.get("/api/v1/commands/{id}", self._job),
                web.post("/api/v1/commands/{id}/{verb:approve|reject|cancel}", self._decide),
                web.get("/api/v1/commands/{id}/follow", self._follow),
            ]
        )
        return app

    @web.middleware
    async def _refuse(self, request: web.Request, handler: Any) -> web.StreamResponse:
        self.asked.append(f"{request.method} {request.rel_url}")
        try:
            response: web.StreamResponse = await handler(request)
        except NagareError as error:
            return error_response(error, "r1")
        return response

    async def _actions(self, _: web.Request) -> web.Response:
        return _answer(ActionList(ACTIONS))

    async def _post(self, request: web.Request) -> web.Response:
        wanted = decode(await request.read(), JobRequest)
        self.requests.append(wanted)
        if self.refusal is not None:
            raise self.refusal
        known = _known(wanted.action)
        if wanted.check:
            hosts = [one.host for one in self.ends]
            return _answer(CheckView(wanted.action, SHA, PLAN, known.risk, known.risk, ARGVS, hosts, self.unable))
        self.request = wanted
        return _answer(with_unable(self._now(), self.late_unable))

    def _now(self) -> JobView:
        """Return the job as it is: at its begin until somebody followed it or decided, then at its end."""
        if self.is_ended:
            return job_of(self.request, self.ends, self.end_state, stopped=self.stopped)
        first = "pending" if _known(self.request.action).risk == "second-person" else "queued"
        waiting = [CommandView(one.id, one.host, first, NOW) for one in self.ends]
        return job_of(self.request, waiting, "pending" if first == "pending" else "running")

    @property
    def end_state(self) -> str:
        """The state of the job at its end."""
        return "done" if all(one.state == "done" for one in self.ends) else "ended"

    async def _list(self, request: web.Request) -> web.Response:
        # Three jobs on three pages of two at the most, of which the second is empty.
        begin, limit = request.query.get("after", ""), min(int(request.query["limit"]), 2)
        wanted = {"": ["job-1", "job-2"][:limit], "job-2": [], "hidden": ["job-3"]}.get(begin, ["job-2"])
        following = {"": wanted[-1] if wanted else "", "job-2": "hidden"}.get(begin, "")
        # Every job of a list has an id of its own, and is the same job otherwise.
        now = self._now()
        is_wanted = request.query.get("state", now.state) == now.state
        is_wanted &= request.query.get("host", self.ends[0].host) in {one.host for one in self.ends}
        jobs = [msgspec.structs.replace(now, id=job_id, commands=[]) for job_id in wanted if is_wanted]
        return _answer(JobList(jobs, following))

    async def _job(self, request: web.Request) -> web.Response:
        self._check_id(request)
        return _answer(self._now())

    async def _decide(self, request: web.Request) -> web.Response:
        self._check_id(request)
        match request.match_info["verb"]:
            case "approve":
                if decode(await request.read(), Approve).plan_sha256 != PLAN:
                    raise ConflictError("cannot approve: the plan is another")
            case "reject":
                self.why = decode(await request.read(), Reject).why
        self.go.set()
        return _answer(self._now())

    async def _follow(self, request: web.Request) -> web.StreamResponse:
        self._check_id(request)
        response = web.StreamResponse(headers={"Content-Type": "application/x-ndjson"})
        await response.prepare(request)
        cut = self.cuts.pop(0) if self.cuts else None
        after = int(request.query["after"])
        for number, line in enumerate(line for line in self._lines() if line.seq > after):
            if number == cut:
                # As a cable that is pulled: no end of the body.
                assert request.transport is not None
                request.transport.abort()
                return response
            if self.is_held and line.seq > len(self.ends):
                self.followed.set()
                await self.go.wait()
            await response.write(encode(line) + b"\n")
        await response.write_eof()
        return response

    def _lines(self) -> Iterator[FollowLine]:
        seq = 0
        for one in self._now().commands:
            seq += 1
            yield StateLine(seq, one)
        for host, stream, text in self.output if self.output is not None else _written(self.ends):
            seq += 1
            yield OutputLine(seq, host, stream, 0, text)
        for one in self.ends:
            seq += 1
            yield StateLine(seq, msgspec.structs.replace(one, stdout=None, stderr=None))
        self.is_ended = True
        yield JobLine(seq + 1, is_end=True, state=self.end_state, counts=self._now().counts)

    def _check_id(self, request: web.Request) -> None:
        if request.match_info["id"] not in (JOB, "job-1", "job-2", "job-3"):
            raise NotFoundError("cannot find job: there is no such one", hint="`nagare commands list` lists them")


def _known(name: str) -> ActionView:
    return next(action for action in ACTIONS if action.name == name)


def _written(ends: list[CommandView]) -> Iterator[tuple[str, str, str]]:
    for one in ends:
        for name, stream in (("stdout", one.stdout), ("stderr", one.stderr)):
            if stream is not None and stream.text:
                yield one.host, name, stream.text


def _answer(document: Any) -> web.Response:
    return web.Response(body=encode(document), content_type="application/json")


@asynccontextmanager
async def serving(server: CommandServer) -> AsyncIterator[CommandServer]:
    """Serve it on a free port of the running loop."""
    runner = web.AppRunner(server.app(), access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    server.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    try:
        yield server
    finally:
        await runner.cleanup()


@contextmanager
def serving_beside(server: CommandServer) -> Iterator[CommandServer]:
    """Serve it from a thread, for tests that wait for a process."""
    with asyncio.Runner() as runner:
        loop = runner.get_loop()
        scope = serving(server)
        loop.run_until_complete(scope.__aenter__())
        thread = threading.Thread(target=loop.run_forever, name="command server", daemon=True)
        thread.start()
        try:
            yield server
        finally:
            loop.call_soon_threadsafe(loop.stop)
            thread.join(10)
            loop.run_until_complete(scope.__aexit__(None, None, None))

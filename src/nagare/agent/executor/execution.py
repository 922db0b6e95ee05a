"""One command from its start to its result: time, output and whoever asks can end it, and the first of them is the reason."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from nagare.agent.executor.confinement import Hold
from nagare.agent.executor.flow import Flow
from nagare.agent.executor.output import KeptOutput
from nagare.agent.executor.program import Ending, Launch, Program
from nagare.agent.executor.warden_start import Warden
from nagare.lib.clock import Clock
from nagare.model.command.action import Action, Limits, Overflow
from nagare.model.command.result import CommandResult, Reason
from nagare.model.command.states import CommandState

# Between being asked to end and being ended.
GRACE_SECONDS = 5.0
_PIECE_BYTES = 2**15
# What is left in the pipes after the end of everything that could write into them.
_DRAIN_SECONDS = 15.0


class Halt:
    """Why a command is to end before it does by itself; the first reason stays."""

    def __init__(self) -> None:
        """Begin without any."""
        self._asked = asyncio.Event()
        self.reason: Reason | None = None
        self.text = ""

    def ask(self, reason: Reason, text: str) -> None:
        """Ask for the end."""
        if self.reason is None:
            self.reason, self.text = reason, text
            self._asked.set()

    async def wait(self) -> None:
        """Return once somebody asked."""
        await self._asked.wait()


@dataclass(frozen=True, slots=True)
class Run:
    """What runs, held by what, for how long (seconds), with which secrets in it, and whom it tells."""

    action: Action
    launch: Launch
    hold: Hold
    timeout_seconds: float
    secrets: tuple[bytes, ...]
    flow: Flow
    halt: Halt
    ready: Warden | None = None

    @property
    def limits(self) -> Limits:
        """The limits of its action."""
        return self.action.limits


async def execute(run: Run, clock: Clock, tell_start: Callable[[int], Awaitable[None]]) -> CommandResult:
    """Return the result of ``run``. ``tell_start`` hears when it began, in Unix milliseconds. Raises UnavailableError for no start."""
    outputs = [KeptOutput(run.limits.output_bytes, run.secrets) for _ in range(2)]
    async with Program(run.launch, run.ready) as program:
        started_ms = clock.now_ms()
        await tell_start(started_ms)
        async with asyncio.TaskGroup() as tasks:
            guard = tasks.create_task(_guard(run, program, clock))
            timer = tasks.create_task(_time_out(run, clock))
            pumps = [
                tasks.create_task(_pump(run, stream, name, output))
                for stream, name, output in zip(
                    (program.stdout, program.stderr), ("stdout", "stderr"), outputs, strict=True
                )
            ]
            ending = await program.wait()
            guard.cancel()
            timer.cancel()
            _, late = await asyncio.wait(pumps, timeout=_DRAIN_SECONDS)
            for pump in late:
                pump.cancel()
    for output in outputs:
        output.finish()
    return _result(run, ending, started_ms, clock.now_ms(), outputs)


async def _pump(run: Run, stream: asyncio.StreamReader, name: str, output: KeptOutput) -> None:
    offset = 0
    while piece := await stream.read(_PIECE_BYTES):
        told = output.take(piece)
        if output.is_over and run.limits.overflow is Overflow.END:
            run.halt.ask(Reason.OUTPUT_LIMIT, f"it wrote more than {run.limits.output_bytes} bytes to {name}")
        if told:
            await run.flow.send(name, offset, told)
            offset += len(told)
        else:
            # A flood is read without a wait anywhere: others on this loop have their turn all the same.
            await asyncio.sleep(0)
    for _ in output.finishing():
        await asyncio.sleep(0)
    rest = output.finish()
    if rest:
        await run.flow.send(name, offset, rest)


async def _time_out(run: Run, clock: Clock) -> None:
    await clock.sleep(run.timeout_seconds)
    run.halt.ask(Reason.TIMEOUT, f"it ran for longer than {run.timeout_seconds:g} s")


async def _guard(run: Run, program: Program, clock: Clock) -> None:
    await run.halt.wait()
    program.terminate()
    await clock.sleep(GRACE_SECONDS)
    program.kill()


def _result(run: Run, ending: Ending, started_ms: int, ended_ms: int, outputs: list[KeptOutput]) -> CommandResult:
    state, reason, text = _verdict(run, ending)
    if ending.left:
        text = f"{text}; {ending.left} processes of it could not be ended".removeprefix("; ")
    return CommandResult(
        state,
        reason,
        text,
        ending.exit_code,
        ending.signal,
        started_ms,
        ended_ms,
        round(ending.cpu_seconds, 3),
        ending.max_rss_bytes,
        run.hold.name,
        run.hold.holds(),
        outputs[0].kept(),
        outputs[1].kept(),
    )


def _verdict(run: Run, ending: Ending) -> tuple[CommandState, Reason, str]:
    halted = run.halt.reason
    # One that wrote too much has, also where it ended by itself before anybody could end it.
    if halted is not None and (ending.was_asked or halted is Reason.OUTPUT_LIMIT):
        state = CommandState.CANCELLED if halted is Reason.CANCELLED else CommandState.FAILED
        return state, halted, run.halt.text
    if ending.signal is not None:
        return CommandState.FAILED, Reason.SIGNAL, f"signal {ending.signal} ended it"
    if ending.exit_code is None:
        return CommandState.LOST, Reason.AGENT_DIED, "what watched over it was ended; how far it came is not known"
    if ending.exit_code in run.action.success:
        return CommandState.DONE, Reason.EXIT, ""
    return CommandState.FAILED, Reason.EXIT, f"it ended with status {ending.exit_code}"

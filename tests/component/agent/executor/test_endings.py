"""Asked to end, and ended by itself: which of the two it was is told by who reaps it, and nobody else could."""

import asyncio
import random
from contextlib import suppress

import pytest

from nagare.agent.executor.confinement import Hold, Layers
from nagare.agent.executor.execution import Halt, Run, _verdict
from nagare.agent.executor.flow import Flow
from nagare.agent.executor.program import Ending, Launch, Program
from nagare.model.command.result import Reason
from nagare.model.command.states import CommandState
from tests.unit.model.command.actions import action

S = CommandState
LIMITS = {"CORE": 0}


async def test_one_that_ended_before_it_was_asked_ended_by_itself() -> None:
    async with Program(Launch(["/bin/true"], {}, "/", LIMITS)) as program:
        # The end of its output: it has ended, or is about to, and needs nobody for it.
        await program.stdout.read()
        ending = await program.wait()
        program.terminate()
    assert (ending.exit_code, ending.was_asked) == (0, False)


@pytest.mark.parametrize("word", ["terminate", "kill"])
async def test_one_that_was_asked_before_is_told_so(word: str) -> None:
    async with Program(Launch(["/bin/sleep", "600"], {}, "/", LIMITS)) as program:
        getattr(program, word)()
        ending = await program.wait()
    assert (ending.exit_code is None, ending.was_asked) == (True, True)


async def test_one_that_ends_at_that_moment_ended_by_itself_or_died_of_it() -> None:
    for _ in range(10):
        async with Program(Launch(["/bin/true"], {}, "/", LIMITS)) as program:
            program.terminate()
            ending = await program.wait()
        # Whoever ran to its end did so by itself: whatever was asked for came too late.
        assert (ending.exit_code, ending.signal, ending.was_asked) in ((0, None, False), (None, 15, True))


async def test_one_that_holds_signals_back_for_a_moment_did_not_obey_them() -> None:
    # A shell does so while it starts a program: what it does with the signal is not known then, and it may end before it comes.
    launch = Launch(["/bin/sh", "-c", f"{'/bin/true; ' * 6}exit 0"], {"PATH": "/bin:/usr/bin"}, "/", LIMITS)
    chance = random.Random(5)
    for _ in range(60):
        async with Program(launch) as program:
            with suppress(TimeoutError):
                await asyncio.wait_for(program.stdout.read(), chance.uniform(0.0, 0.012))
            program.terminate()
            ending = await program.wait()
        assert (ending.exit_code, ending.signal, ending.was_asked) in ((0, None, False), (None, 15, True))


@pytest.mark.parametrize(("trap", "signalled"), [("exit 0", 0), ("exit 3", 3), ("", None)])
async def test_one_that_obeys_in_its_own_way_was_asked(trap: str, signalled: int | None) -> None:
    script = f"trap '{trap}' TERM; echo ready; while :; do sleep 0.05; done"
    async with Program(Launch(["/bin/sh", "-c", script], {"PATH": "/bin:/usr/bin"}, "/", LIMITS)) as program:
        assert await program.stdout.readline() == b"ready\n"
        program.terminate()
        if signalled is None:
            program.kill()
        ending = await program.wait()
    assert (ending.exit_code, ending.was_asked) == (signalled, True)


@pytest.mark.parametrize(
    ("reason", "ending", "expected"),
    [
        (Reason.CANCELLED, Ending(0, was_asked=False), (S.DONE, Reason.EXIT)),
        (Reason.TIMEOUT, Ending(3, was_asked=False), (S.FAILED, Reason.EXIT)),
        (Reason.AGENT_STOPPED, Ending(signal=11, was_asked=False), (S.FAILED, Reason.SIGNAL)),
        (Reason.OUTPUT_LIMIT, Ending(0, was_asked=False), (S.FAILED, Reason.OUTPUT_LIMIT)),
        (Reason.CANCELLED, Ending(0), (S.CANCELLED, Reason.CANCELLED)),
        (Reason.TIMEOUT, Ending(signal=15), (S.FAILED, Reason.TIMEOUT)),
        (Reason.CANCELLED, Ending(), (S.CANCELLED, Reason.CANCELLED)),
        (None, Ending(0, was_asked=False), (S.DONE, Reason.EXIT)),
        (None, Ending(), (S.LOST, Reason.AGENT_DIED)),
    ],
)
def test_what_was_asked_for_counts_only_where_it_came_first(
    reason: Reason | None, ending: Ending, expected: tuple[CommandState, Reason]
) -> None:
    halt = Halt()
    if reason is not None:
        halt.ask(reason, "because")
    launch = Launch(["/bin/true"], {}, "/", LIMITS)
    run = Run(action(), launch, Hold(Layers(), None, has_pids_limit=True), 60.0, (), Flow("id"), halt)
    assert _verdict(run, ending)[:2] == expected

"""The executor with real programs: what it runs, once, and what it says of it."""

import asyncio
import base64
import os
import signal
from pathlib import Path

import msgspec
import pytest

from nagare.model.command.result import Reason
from nagare.model.command.states import CommandState
from nagare.wire.commands import (
    INITIAL_CREDIT_BYTES,
    Cancel,
    CommandEnded,
    CommandsReady,
    Credit,
    OutputChunk,
    Receipt,
    ResultAck,
    Started,
)
from tests.support.command_box import ALLOW_ALL, CommandBox, KeptFrames
from tests.support.commands import id_of, secret


@pytest.fixture
def host(tmp_path: Path) -> CommandBox:
    return CommandBox(tmp_path)


async def test_a_command_runs_and_says_all_of_it(host: CommandBox) -> None:
    action = host.script("test.hello", "echo out; echo err >&2; exit 0")
    dispatch = host.dispatch(action)
    async with host.running() as (executor, outbox):
        await executor.receive(dispatch)
        result = await outbox.result(id_of(dispatch))
    assert (result.state, result.reason, result.exit_code) == (CommandState.DONE, Reason.EXIT, 0)
    assert (result.stdout.head, result.stderr.head) == (b"out\n", b"err\n")
    assert result.started_ms is not None
    assert result.started_ms <= result.ended_ms
    assert result.cpu_seconds > 0
    assert result.max_rss_bytes > 0
    assert {*result.confinement.split("+")} <= {"bubblewrap", "systemd", "cgroup", "rlimits"}
    assert "no-new-privileges" in result.holds
    kinds = [type(frame) for frame in outbox.frames]
    assert kinds[:3] == [CommandsReady, Receipt, Started]
    assert kinds[-1] is CommandEnded
    assert outbox.output(id_of(dispatch)) == b"out\n"
    assert outbox.output(id_of(dispatch), "stderr") == b"err\n"


async def test_a_command_whose_reader_went_in_the_midst_runs_once_all_the_same(
    host: CommandBox, tmp_path: Path
) -> None:
    marks = tmp_path / "marks"
    marks.mkdir()
    action = host.script("test.mark", f"echo x >> {marks}/ran", writable=f'["{marks}"]')
    async with host.running() as (executor, outbox):
        for _ in range(10):
            dispatch = host.dispatch(action)
            reading = asyncio.create_task(executor.receive(dispatch))
            # The worker writes it into the journal: then, before the loop hears of it, the reader goes.
            while executor._journal.find(id_of(dispatch)) is None:  # noqa: ASYNC110  the journal tells nobody
                await asyncio.sleep(0)
            reading.cancel()
            await asyncio.wait([reading])
            # As a server does that heard of no receipt.
            await executor.receive(dispatch)
            assert (await outbox.result(id_of(dispatch))).state is CommandState.DONE
            await executor.receive(ResultAck(id_of(dispatch)))
    assert (marks / "ran").read_text() == "x\n" * 10


@pytest.mark.parametrize(
    ("script", "state", "reason", "exit_code", "signal"),
    [
        ("exit 3", CommandState.FAILED, Reason.EXIT, 3, None),
        ("exit 7", CommandState.DONE, Reason.EXIT, 7, None),
        ("kill -9 $$", CommandState.FAILED, Reason.SIGNAL, None, 9),
    ],
)
async def test_how_it_ended_is_told(
    host: CommandBox, script: str, state: CommandState, reason: Reason, exit_code: int | None, signal: int | None
) -> None:
    result = await host.run(host.script("test.end", script, success="[0, 7]"))
    assert (result.state, result.reason, result.exit_code, result.signal) == (state, reason, exit_code, signal)


async def test_a_program_has_a_clean_place(host: CommandBox, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NAGARE_TEST_LEAK", "1")
    reader, writer = os.pipe()
    os.set_inheritable(writer, True)
    try:
        result = await host.run(
            host.script(
                "test.place",
                'env; umask; pwd; ls -A | wc -l; ls /proc/self/fd; cat; grep -E "NoNewPrivs|SigIgn" /proc/self/status',
                environment='{GREETING = "hi"}',
            )
        )
    finally:
        os.close(reader)
        os.close(writer)
    text = result.stdout.text()
    assert "NAGARE_TEST_LEAK" not in text
    assert "GREETING=hi" in text
    assert "0077" in text
    assert "NoNewPrivs:\t1" in result.stdout.head.decode()
    ignored = int(next(line for line in text.splitlines() if line.startswith("SigIgn:")).split()[1], 16)
    # The C library keeps two signals for itself, which nobody can set back.
    assert [number for number in signal.valid_signals() if ignored >> (number - 1) & 1] == []
    lines = text.splitlines()
    home = next(line for line in lines if line.startswith("HOME=")).removeprefix("HOME=")
    assert home in lines  # the folder it stands in
    assert _is_gone(home)
    assert str(writer) not in lines


async def test_a_value_is_a_word_whatever_it_holds(host: CommandBox, tmp_path: Path) -> None:
    action = host.define(
        "test.words",
        'risk = "none"\nrun = [["printf", "[%s]", "--", "{x}"]]\n[parameters.x]\ntype = "string"\nlist = true\n',
    )
    victim = tmp_path / "victim"
    values = [f"; touch {victim}", f"$(touch {victim})", f"`touch {victim}`", "a b", "*", "-n", "--", "'", '"', "\\x41"]
    result = await host.run(action, {"x": values})
    assert result.stdout.head.decode() == "[--]" + "".join(f"[{value}]" for value in values)
    assert not victim.exists()


async def test_the_first_variant_that_is_there_runs(host: CommandBox) -> None:
    action = host.define("test.either", 'risk = "none"\nrun = [["no-such-program-here"], ["true"]]\n')
    assert (await host.run(action)).state is CommandState.DONE
    none = host.define("test.neither", 'risk = "none"\nrun = [["no-such-program-here"]]\n')
    dispatch = host.dispatch(none)
    async with host.running() as (executor, outbox):
        await executor.receive(dispatch)
        assert (await outbox.receipt(id_of(dispatch))).reason == Reason.NO_PROGRAM


async def test_a_host_says_which_actions_it_knows(host: CommandBox) -> None:
    action = host.script("test.known", "true")
    async with host.running() as (_, outbox):
        known = outbox.of(CommandsReady)[0].actions
    assert known["test.known"] == action.sha256
    assert "disk.usage" in known
    (host.actions / "test.broken.toml").write_text("x = [")
    async with host.running() as (_, outbox):
        assert outbox.of(CommandsReady)[0].actions == {}


async def test_a_command_that_comes_twice_runs_once(host: CommandBox, tmp_path: Path) -> None:
    count = tmp_path / "count"
    dispatch = host.dispatch(host.script("test.once", f"echo x >> {count}"))
    async with host.running() as (executor, outbox):
        await asyncio.gather(*(executor.receive(dispatch) for _ in range(5)))
        await outbox.result(id_of(dispatch))
        await executor.receive(dispatch)
        await executor.receive(ResultAck(id_of(dispatch)))
        await executor.receive(dispatch)
        last = outbox.of(Receipt, id_of(dispatch))[-1]
    assert (last.is_accepted, last.reason) == (False, Reason.REPLAYED)
    async with host.running() as (executor, outbox):
        await executor.receive(dispatch)
        assert (await outbox.receipt(id_of(dispatch))).reason == Reason.REPLAYED
    assert count.read_text() == "x\n"


async def test_one_nonce_is_one_command(host: CommandBox) -> None:
    action = host.script("test.nonce", "true")
    nonce = "ab" * 16
    first, second = host.dispatch(action, nonce=nonce), host.dispatch(action, nonce=nonce)
    async with host.running() as (executor, outbox):
        await executor.receive(first)
        await executor.receive(second)
        assert (await outbox.receipt(id_of(first))).is_accepted
        assert (await outbox.receipt(id_of(second))).reason == Reason.REPLAYED


async def test_what_was_refused_stays_refused(host: CommandBox) -> None:
    dispatch = host.dispatch(host.script("test.later", "true"))
    host.policy.unlink()
    async with host.running() as (executor, outbox):
        await executor.receive(dispatch)
        refusal = await outbox.receipt(id_of(dispatch))
        assert (refusal.is_accepted, refusal.reason) == (False, Reason.NO_POLICY)
        assert str(host.policy) in refusal.text
        host.allow(ALLOW_ALL)
        # The answer may have been lost on its way: it is told as it was, also by the next run of the agent.
        await executor.receive(dispatch)
        assert outbox.of(Receipt, id_of(dispatch)) == [refusal, refusal]
    async with host.running() as (executor, outbox):
        await executor.receive(dispatch)
        assert outbox.of(Receipt, id_of(dispatch)) == [refusal]
        # A new one, under the new policy, runs.
        other = host.dispatch(host.script("test.later", "true"))
        await executor.receive(other)
        assert (await outbox.result(id_of(other))).state is CommandState.DONE


async def test_a_hostile_envelope_is_refused_reported_and_told(host: CommandBox) -> None:
    action = host.script("test.never", f"touch {host.folder}/ran")
    good = host.dispatch(action)
    foreign = CommandBox(host.folder)
    cases = [
        (msgspec.structs.replace(good, envelope=good.envelope.replace("ann", "eve")), Reason.BAD_SIGNATURE),
        (msgspec.structs.replace(good, signature=""), Reason.BAD_SIGNATURE),
        (foreign.dispatch(action), Reason.UNKNOWN_KEY),
        (host.dispatch(action, host_id="host-2"), Reason.WRONG_HOST),
        (host.dispatch(action, now_ms=1_700_000_000_000), Reason.EXPIRED),
        (msgspec.structs.replace(good, envelope="{", signature=good.signature), Reason.BAD_SIGNATURE),
    ]
    async with host.running() as (executor, outbox):
        for dispatch, _ in cases:
            await executor.receive(dispatch)
        reasons = [receipt.reason for receipt in outbox.of(Receipt)]
    assert reasons == [reason for _, reason in cases]
    assert [event["attributes"]["reason"] for event in host.box.take()] == reasons  # type: ignore[index]
    assert not (host.folder / "ran").exists()


async def test_a_host_that_may_not_refuses(host: CommandBox) -> None:
    dispatch = host.dispatch(host.script("test.never", "true"))
    assert host.standing is not None
    from dataclasses import replace

    for standing, reason in [
        (None, Reason.NO_KEY),
        (replace(host.standing, keys=()), Reason.NO_KEY),
        (replace(host.standing, may_run=False), Reason.NOT_GRANTED),
    ]:
        host.standing = standing
        async with host.running() as (executor, outbox):
            await executor.receive(dispatch)
            assert outbox.of(Receipt)[-1].reason == reason


async def test_a_secret_reaches_the_program_and_nobody_else(host: CommandBox) -> None:
    action = host.define(
        "test.secret",
        'risk = "none"\nrun = [["/bin/sh", "-c", "cat; echo; echo $TOKEN; tr \'\\\\000\' \' \' </proc/$$/cmdline"]]\n'
        '[parameters.password]\ntype = "secret"\ninto = "stdin"\n[parameters.token]\ntype = "secret"\ninto = "TOKEN"\n',
    )
    hidden = {"password": secret("correct horse"), "token": secret("battery staple")}
    dispatch = host.dispatch(action, hidden=hidden)
    async with host.running() as (executor, outbox):
        await executor.receive(dispatch)
        result = await outbox.result(id_of(dispatch))
    assert result.stdout.head.startswith(b"[masked]\n[masked]\n/bin/sh")
    said = msgspec.json.encode(outbox.frames) + outbox.output(id_of(dispatch))
    kept = b"".join(path.read_bytes() for path in (host.folder / "commands").rglob("*.command"))
    for value in (b"correct horse", b"battery staple"):
        assert value not in said
        assert base64.b64encode(value) not in said + kept
        assert value not in kept


async def test_escapes_of_a_terminal_are_data_and_shown_harmless(host: CommandBox) -> None:
    result = await host.run(host.script("test.escapes", r"printf '\033[2J\033]0;owned\007ok\n'"))
    assert result.stdout.head == b"\x1b[2J\x1b]0;owned\x07ok\n"
    assert "\x1b" not in result.stdout.text()
    assert "\x07" not in result.stdout.text()


async def test_a_waiting_command_that_is_cancelled_never_begins(host: CommandBox, tmp_path: Path) -> None:
    from dataclasses import replace

    host.settings = replace(host.settings, running_limit=1, waiting_limit=1)
    long = host.dispatch(host.script("test.long", "sleep 600"))
    waits = host.dispatch(host.script("test.waits", f"touch {tmp_path}/ran"))
    late = host.dispatch(host.script("test.waits", f"touch {tmp_path}/ran"))
    async with host.running() as (executor, outbox):
        for dispatch in (long, waits, late):
            await executor.receive(dispatch)
        assert (await outbox.receipt(id_of(late))).reason == Reason.BUSY
        await outbox.started(id_of(long))
        await executor.receive(Cancel(id_of(waits), "ann"))
        result = await outbox.result(id_of(waits))
        assert (result.state, result.started_ms) == (CommandState.CANCELLED, None)
        assert "ann" in result.text
        await executor.receive(Cancel(id_of(long), "ann"))
        assert (await outbox.result(id_of(long))).state is CommandState.CANCELLED
    assert not (tmp_path / "ran").exists()


async def test_output_waits_for_credit_and_the_program_with_it(host: CommandBox) -> None:
    script = "head -c 3000000 /dev/zero; echo x > done"
    dispatch = host.dispatch(host.script("test.flow", script, limits="output_bytes = 8388608"))
    async with host.running() as (executor, outbox):
        await executor.receive(dispatch)
        sent = await outbox.until(lambda: _total(outbox) if _total(outbox) > INITIAL_CREDIT_BYTES - 2**15 else 0)
        assert sent <= INITIAL_CREDIT_BYTES
        assert not outbox.of(CommandEnded)
        await executor.receive(Credit(id_of(dispatch), 2**24))
        result = await outbox.result(id_of(dispatch))
    assert _total(outbox) == 3_000_000
    assert result.stdout.total_bytes == 3_000_000
    offsets = [(chunk.offset, len(chunk.data)) for chunk in outbox.of(OutputChunk)]
    assert [start for start, _ in offsets] == [sum(size for _, size in offsets[:n]) for n in range(len(offsets))]


async def test_a_server_that_is_away_holds_up_nothing(host: CommandBox) -> None:
    script = "head -c 3000000 /dev/zero; echo end"
    dispatch = host.dispatch(host.script("test.away", script, limits="output_bytes = 8388608"))
    async with host.running() as (executor, outbox):
        await executor.receive(dispatch)
        await outbox.until(lambda: _total(outbox) > 0)
        executor.detach()
        again = KeptFrames()
        await executor._idle.wait()
        await executor.attach(again)
        result = await again.result(id_of(dispatch))
    assert result.state is CommandState.DONE
    assert result.stdout.tail.endswith(b"end\n")
    assert [standing.id for standing in again.of(CommandsReady)[0].commands] == [id_of(dispatch)]


async def test_a_result_is_told_on_each_connection_until_it_is_acknowledged(host: CommandBox) -> None:
    dispatch = host.dispatch(host.script("test.kept", "echo kept"))
    async with host.running() as (executor, outbox):
        await executor.receive(dispatch)
        first = await outbox.result(id_of(dispatch))
    for _ in range(2):
        async with host.running() as (executor, outbox):
            assert await outbox.result(id_of(dispatch)) == first
    async with host.running() as (executor, outbox):
        await executor.receive(ResultAck(id_of(dispatch)))
    async with host.running() as (_, outbox):
        assert outbox.of(CommandEnded) == []
        assert outbox.of(CommandsReady)[0].commands == []


async def test_a_stop_ends_what_runs_and_keeps_how(host: CommandBox) -> None:
    dispatch = host.dispatch(host.script("test.long", "sleep 600"))
    async with host.running() as (executor, outbox):
        await executor.receive(dispatch)
        await outbox.started(id_of(dispatch))
    async with host.running() as (_, outbox):
        result = await outbox.result(id_of(dispatch))
    assert (result.state, result.reason) == (CommandState.FAILED, Reason.AGENT_STOPPED)


async def test_a_disk_that_takes_nothing_runs_nothing(host: CommandBox, tmp_path: Path) -> None:
    dispatch = host.dispatch(host.script("test.full", f"touch {tmp_path}/ran"))
    async with host.running() as (executor, outbox):
        (host.folder / "commands").rename(host.folder / "gone")
        await executor.receive(dispatch)
        refusal = await outbox.receipt(id_of(dispatch))
        assert (refusal.is_accepted, refusal.reason) == (False, Reason.JOURNAL_FAILED)
    assert not (tmp_path / "ran").exists()


def _is_gone(home: str) -> bool:
    # The sandbox's own stands for a folder that was the program's alone.
    return home == "/tmp" or not os.path.exists(home)


def _total(outbox: KeptFrames) -> int:
    return sum(len(chunk.data) for chunk in outbox.of(OutputChunk))

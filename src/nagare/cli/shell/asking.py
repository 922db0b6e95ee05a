"""Asks a person at the terminal what a login needs to know."""

from __future__ import annotations

import asyncio
import os
import sys
import termios
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext

from nagare.cli.console.diagnostics import note
from nagare.lib.plain_text import plain
from nagare.ssh.asking import Challenge, NewKey

_CHUNK_BYTES = 4096
# Longer is no answer.
_LINE_LIMIT_BYTES = 64 * 1024


class TerminalAsker:
    """Asks line by line; secrets are not shown while they are typed."""

    async def trusts(self, key: NewKey) -> bool:
        """Return whether the person says yes in full."""
        host = plain(key.host, 253)
        note(f"nagare: nobody here knows host {host}; it shows the key {key.algorithm} {key.fingerprint}")
        told = await _read("Is this its key? Compare it on the host, then type yes: ", is_secret=False)
        return told is not None and told.strip().lower() == "yes"

    async def goes_by_server(self, host: str) -> bool:
        """Return whether the person wants the server to carry the connection."""
        told = await _read(
            f"The server can carry the connection to {plain(host, 253)}. Go that way? Type yes: ", is_secret=False
        )
        return told is not None and told.strip().lower() == "yes"

    async def answers(self, challenge: Challenge) -> Sequence[str] | None:
        """Return what was typed for each prompt, None when the person ended the input."""
        if challenge.text:
            note(f"nagare: {challenge.title}: {challenge.text}")
        answers = []
        for prompt in challenge.prompts:
            told = await _read(f"{prompt.text.rstrip(': ')}: ", is_secret=prompt.is_secret)
            if told is None:
                return None
            answers.append(told)
        return answers


async def _read(prompt: str, *, is_secret: bool) -> str | None:
    """Return a line, None at the end of the input; read on the loop, so that Ctrl-C ends it at once."""
    loop, descriptor = asyncio.get_running_loop(), sys.stdin.fileno()
    typed: asyncio.Future[bytes | None] = loop.create_future()
    came = bytearray()

    def take() -> None:
        try:
            chunk = os.read(descriptor, _CHUNK_BYTES)
        except OSError:
            chunk = b""
        came.extend(chunk)
        if not typed.done() and (not chunk or b"\n" in chunk or len(came) > _LINE_LIMIT_BYTES):
            typed.set_result(bytes(came) if chunk else None)

    with _silent(descriptor) if is_secret else nullcontext():
        sys.stderr.write(prompt)
        sys.stderr.flush()
        loop.add_reader(descriptor, take)
        try:
            line = await typed
        finally:
            loop.remove_reader(descriptor)
    return None if line is None else line.partition(b"\n")[0].decode("utf-8", "replace")


@contextmanager
def _silent(descriptor: int) -> Iterator[None]:
    """Show nothing of what is typed in the block, which begins with nothing typed."""
    modes = termios.tcgetattr(descriptor)
    silent = [*modes[:3], modes[3] & ~termios.ECHO, *modes[4:]]
    termios.tcsetattr(descriptor, termios.TCSAFLUSH, silent)
    try:
        yield
    finally:
        termios.tcsetattr(descriptor, termios.TCSADRAIN, modes)
        sys.stderr.write("\n")
        sys.stderr.flush()

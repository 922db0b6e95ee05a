"""Asks a person at the terminal what a login needs to know."""

from __future__ import annotations

import asyncio
import getpass
import sys
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

from nagare.cli.console.diagnostics import note
from nagare.lib.plain_text import plain
from nagare.ssh.asking import Challenge, NewKey


class TerminalAsker:
    """Asks line by line; secrets are not shown while they are typed."""

    def __init__(self, threads: ThreadPoolExecutor) -> None:
        """Read on ``threads``, for reading waits."""
        self._threads = threads

    async def trusts(self, key: NewKey) -> bool:
        """Return whether the person says yes in full."""
        host = plain(key.host, 253)
        note(f"nagare: nobody here knows host {host}; it shows the key {key.algorithm} {key.fingerprint}")
        told = await self._read("Is this its key? Compare it on the host, then type yes: ", is_secret=False)
        return told is not None and told.strip().lower() == "yes"

    async def answers(self, challenge: Challenge) -> Sequence[str] | None:
        """Return what was typed for each prompt, None when the person ended the input."""
        if challenge.text:
            note(f"nagare: {challenge.host}: {challenge.text}")
        answers = []
        for prompt in challenge.prompts:
            told = await self._read(f"{prompt.text.rstrip(': ')}: ", is_secret=prompt.is_secret)
            if told is None:
                return None
            answers.append(told)
        return answers

    async def _read(self, prompt: str, *, is_secret: bool) -> str | None:
        read = getpass.getpass if is_secret else _read_line
        try:
            return await asyncio.get_running_loop().run_in_executor(self._threads, read, prompt)
        except EOFError:
            return None


def _read_line(prompt: str) -> str:
    sys.stderr.write(prompt)
    sys.stderr.flush()
    line = sys.stdin.readline()
    if not line:
        raise EOFError
    return line.rstrip("\n")

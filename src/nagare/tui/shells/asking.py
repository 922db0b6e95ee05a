"""Asks over the page what a login needs to know. Answers go to the host, and nowhere else."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import TYPE_CHECKING, TypeVar

from textual.screen import ModalScreen

from nagare.tui.screens.shell_asks import AnswerForm, Ask, Confirmation

if TYPE_CHECKING:
    from nagare.ssh.asking import Challenge, NewKey
    from nagare.tui.app import TopApp

T = TypeVar("T")


class DialogAsker:
    """Asks the person at the dashboard."""

    def __init__(self, app: TopApp) -> None:
        """Ask over the pages of ``app``."""
        self._app = app

    async def trusts(self, key: NewKey) -> bool:
        """Return whether the person says that this is the host's key."""
        text = f"Nobody here knows {key.host}. It shows the key\n\n{key.algorithm} {key.fingerprint}\n\nIs it the host's? Compare it there."
        said = await show(self._app, AnswerForm("New host", text, [("Type yes to trust it", False)]))
        return said is not None and said[0].strip().lower() == "yes"

    async def answers(self, challenge: Challenge) -> Sequence[str] | None:
        """Return what was typed for each prompt."""
        fields = [(prompt.text.rstrip(": "), prompt.is_secret) for prompt in challenge.prompts]
        return await show(self._app, AnswerForm(f"{challenge.host}: {challenge.title}", challenge.text, fields))


async def confirmed(app: TopApp, question: Confirmation) -> bool:
    """Return whether the person says yes."""
    answer: bool | None = await show(app, question)
    return bool(answer)


async def show(app: TopApp, screen: Ask[T] | ModalScreen[T | None]) -> T | None:
    """Show ``screen`` from wherever this runs, and return what it is left with; cancelled, one that asks goes without an answer."""
    answer: asyncio.Future[T | None] = asyncio.get_running_loop().create_future()

    def keep(value: T | None) -> None:
        if not answer.done():
            answer.set_result(value)

    # The library asks in tasks of its own, which belong to no screen.
    app.call_later(app.push_screen, screen, keep)
    try:
        return await answer
    except asyncio.CancelledError:
        if isinstance(screen, Ask):
            app.call_later(screen.withdraw)
        raise

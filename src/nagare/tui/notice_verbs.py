"""What may be done to notifications: read with their tries, sent again, given up; of a list the marked ones, else the chosen one.

What a dialogue is about stands still while it is open: what is done is done to exactly those that were named.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING

from nagare.client.jobs.plans import PlanRow
from nagare.errors import NagareError
from nagare.lib.plain_text import plain
from nagare.tui.notify.rows import MAY_DROP, MAY_RETRY, alerts_text
from nagare.tui.notify.told import notice_rows
from nagare.tui.screens.page import Page
from nagare.tui.work import start_work

if TYPE_CHECKING:
    from nagare.tui.screens.agreement import Question
    from nagare.wire.notify import NotificationView

Deed = Callable[[str], Awaitable["NotificationView"]]
_MAY = {"notice.retry": MAY_RETRY, "notice.drop": MAY_DROP}
# Key of a sheet about a notification -> what it does: the keys of the list.
_FROM_SHEET = {"T": "notice.retry", "X": "notice.drop"}
_WORDS = {
    "notice.retry": ("Send again?", "send", "sent again", "it goes to people now; what waits behind it in its incident goes after it"),
    "notice.drop": ("Give up?", "give up", "given up", "nobody is told of it on this channel any more; T tries again while it is kept"),
}  # fmt: skip


class NoticeVerbs(Page):
    """Mixed into pages that have notifications."""

    def chosen_notices(self) -> list[NotificationView]:
        """Return the notifications that actions are about: the marked ones, else the one under the cursor."""
        raise NotImplementedError

    def notices_changed(self) -> None:
        """Show notifications as they are now."""
        raise NotImplementedError

    def can(self, action: str) -> bool:
        """Do only what at least one of the chosen may take."""
        if action in _MAY:
            return any(one.state in _MAY[action] for one in self.chosen_notices())
        if action == "notice.incident":
            return any(self.chosen_notices())
        return super().can(action)

    def do_notice_retry(self) -> None:
        """Send them again."""
        self._decide("notice.retry", self.chosen_notices())

    def do_notice_drop(self) -> None:
        """Give them up."""
        self._decide("notice.drop", self.chosen_notices())

    async def do_notice_incident(self) -> None:
        """Show the incident that it tells of."""
        for one in self.chosen_notices()[:1]:
            await self.top.go(self.location.with_incident(one.incident))

    def tell_notice(self, notification_id: str) -> None:
        """Show everything about a notification."""
        start_work(self, partial(self._tell_notice, notification_id), "decide", exclusive=False)

    async def _tell_notice(self, notification_id: str) -> None:
        from nagare.tui.screens.sheet import Sheet  # noqa: PLC0415  loaded when shown

        try:
            detail = await self.top.source.notify().notification(notification_id)
        except NagareError as error:
            self.top.say(plain(error.message), plain(error.hint))
            return
        one = detail.notification
        rows = notice_rows(detail, self.top.clock.now_ms(), self.top.zone)
        ways = [("enter", "its incident")]
        ways += [("T", "tries again")] if one.state in MAY_RETRY else []
        ways += [("X", "gives up")] if one.state in MAY_DROP else []
        match await self.app.push_screen_wait(Sheet(f"Notification: {plain(one.channel, 50)}", rows, ways)):
            case "enter":
                await self.top.go(self.location.with_incident(one.incident))
            case key if key in _FROM_SHEET:
                self._decide_one(_FROM_SHEET[key], one)

    def _decide_one(self, action: str, one: NotificationView) -> None:
        reason = self.why_not(action)
        if reason:
            self.top.say(reason)
        else:
            self._decide(action, [one])

    def _decide(self, action: str, chosen: Sequence[NotificationView]) -> None:
        meant = [one for one in chosen if one.state in _MAY[action]]
        if meant:
            start_work(self, partial(self._decided, action, meant), "decide", exclusive=False)

    async def _decided(self, action: str, meant: Sequence[NotificationView]) -> None:
        from nagare.tui.screens.agreement import Agreement  # noqa: PLC0415  loaded when shown

        if await self.app.push_screen_wait(Agreement(_question(action, meant))) is None:
            return
        calls = self.top.source.notify()
        do: Deed = calls.retry if action == "notice.retry" else calls.drop
        done, fault = 0, ""
        for one in meant:
            try:
                await do(one.id)
                done += 1
            except NagareError as error:
                fault = fault or plain(error.message)
        said = _WORDS[action][2]
        about = plain(meant[0].channel, 60) if len(meant) == 1 else f"{len(meant)} notifications"
        self.top.say(f"{said}: {about}" if done == len(meant) else f"{said}: {done} of {len(meant)}", fault)
        self.top.feed.dead.hurry()
        self.notices_changed()


def _question(action: str, meant: Sequence[NotificationView]) -> Question:
    from nagare.tui.screens.agreement import Question  # noqa: PLC0415  loaded when shown

    title, verb, _, warning = _WORDS[action]
    lines = tuple(plain(f"{one.channel} ({one.state}): {alerts_text(one)}", 120) for one in meant)
    rows = [PlanRow("sends to" if action == "notice.retry" else "gives up", lines)]
    faults = tuple(dict.fromkeys(plain(one.fault, 300) for one in meant if one.fault))
    rows += [PlanRow("failed", faults, is_prose=True)] if faults else []
    return Question(title, tuple(rows), verb, str(len(meant)) if len(meant) > 1 else "", warning=warning)

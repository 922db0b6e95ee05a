"""Who must have agreed before a command may run: the one rule that the server and every host hold a command to."""

from __future__ import annotations

from enum import StrEnum

from nagare.model.command.action import Risk
from nagare.model.command.result import Reason


class Approval(StrEnum):
    """How a command was approved."""

    # Its risk asks for none.
    NONE = "none"
    SELF_CONFIRM = "self-confirm"
    SECOND_PERSON = "second-person"
    # Without the second person that its risk asks for; everybody who should know is told.
    BREAK_GLASS = "break-glass"


_RANK = {Approval.NONE: 0, Approval.SELF_CONFIRM: 1, Approval.SECOND_PERSON: 2, Approval.BREAK_GLASS: 2}


def why_not_approved(risk: Risk, approval: Approval, requester: str, approver: str) -> Reason | None:
    """Return why that approval is not enough for ``risk``, None when it is. Names are ids of users, never empty for people."""
    if not requester:
        return Reason.NOT_APPROVED
    if _RANK[approval] < risk.rank:
        return Reason.NOT_APPROVED
    if approval is not Approval.NONE and not approver:
        return Reason.NOT_APPROVED
    if approval is Approval.SECOND_PERSON and approver == requester:
        return Reason.SELF_APPROVED
    return None

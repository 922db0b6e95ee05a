import pytest

from nagare.model.command.action import Risk
from nagare.model.command.approval import Approval, why_not_approved
from nagare.model.command.result import Reason


@pytest.mark.parametrize(
    ("risk", "approval", "approver", "reason"),
    [
        (Risk.NONE, Approval.NONE, "", None),
        (Risk.NONE, Approval.SECOND_PERSON, "ben", None),
        (Risk.SELF_CONFIRM, Approval.NONE, "", Reason.NOT_APPROVED),
        (Risk.SELF_CONFIRM, Approval.SELF_CONFIRM, "ann", None),
        (Risk.SELF_CONFIRM, Approval.SELF_CONFIRM, "", Reason.NOT_APPROVED),
        (Risk.SECOND_PERSON, Approval.SELF_CONFIRM, "ann", Reason.NOT_APPROVED),
        (Risk.SECOND_PERSON, Approval.SECOND_PERSON, "ann", Reason.SELF_APPROVED),
        (Risk.SECOND_PERSON, Approval.SECOND_PERSON, "ben", None),
        (Risk.SECOND_PERSON, Approval.SECOND_PERSON, "", Reason.NOT_APPROVED),
        (Risk.SECOND_PERSON, Approval.BREAK_GLASS, "ann", None),
        (Risk.SECOND_PERSON, Approval.BREAK_GLASS, "", Reason.NOT_APPROVED),
    ],
)
def test_who_must_have_agreed(risk: Risk, approval: Approval, approver: str, reason: Reason | None) -> None:
    assert why_not_approved(risk, approval, "ann", approver) is reason


def test_nobody_asks_for_nothing() -> None:
    assert why_not_approved(Risk.NONE, Approval.NONE, "", "") is Reason.NOT_APPROVED

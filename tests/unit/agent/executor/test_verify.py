"""Every hostile envelope has its own refusal."""

from pathlib import Path
from typing import Any

import msgspec
import pytest

from nagare.agent.executor.policy import Policy, Rule
from nagare.agent.executor.verify import LIFE_LIMIT_MS, SKEW_MS, Standing, Verified, check_times, open_envelope, verify
from nagare.errors import CommandRefusedError
from nagare.keys.command_keys import sign_envelope
from nagare.keys.signing import SigningKey
from nagare.model.command.action import Action, Risk
from nagare.model.command.approval import Approval
from nagare.model.command.result import Reason
from nagare.wire.commands import Dispatch
from tests.support.commands import HOST, NOW_MS, dispatch_of, envelope_of, secret
from tests.unit.model.command.actions import action

KEY, FOREIGN = SigningKey.generate(), SigningKey.generate()
STANDING = Standing(HOST, may_run=True, keys=(KEY.public_key,))
POLICY = Policy(allow=(Rule(("*",)),))
RESTART = action()
LOGIN = action(
    name="test.login", run=[["login"]], parameters={"password": {"type": "secret", "into": "stdin"}}, risk="none"
)
REBOOT = action(name="test.reboot", run=[["reboot"]], parameters={}, risk="second-person")
KNOWN = {one.name: one for one in (RESTART, LOGIN, REBOOT)}


def _judge(dispatch: Dispatch, standing: Standing = STANDING, policy: Policy = POLICY) -> Verified:
    envelope = open_envelope(dispatch, standing, policy)
    check_times(envelope, NOW_MS)
    return verify(envelope, dispatch, standing, policy, KNOWN)


def _reason(dispatch: Dispatch, **changes: Any) -> str:
    with pytest.raises(CommandRefusedError) as raised:
        _judge(dispatch, **changes)
    assert raised.value.message.startswith(("cannot run", "cannot use"))
    return raised.value.reason


def _restart(**changes: Any) -> Dispatch:
    return dispatch_of(KEY, RESTART, {"unit": "nginx.service"}, **changes)


def test_what_is_as_it_should_be_may_run() -> None:
    verified = _judge(_restart())
    assert verified.plan.argvs == (("systemctl", "restart", "--", "nginx.service"),)
    assert verified.action is RESTART


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"host_id": "host-2"}, Reason.WRONG_HOST),
        ({"expires_ms": NOW_MS - SKEW_MS - 1, "issued_ms": NOW_MS - 90_000}, Reason.EXPIRED),
        ({"issued_ms": NOW_MS + SKEW_MS + 1, "expires_ms": NOW_MS + 90_000}, Reason.NOT_YET_VALID),
        ({"expires_ms": NOW_MS - 1}, Reason.MALFORMED),
        ({"deadline_ms": NOW_MS + LIFE_LIMIT_MS + 1}, Reason.MALFORMED),
        ({"action": "test.unknown"}, Reason.UNKNOWN_ACTION),
        ({"action_sha256": "0" * 64}, Reason.ACTION_CHANGED),
        ({"risk": Risk.NONE}, Reason.ACTION_CHANGED),
        ({"plan_sha256": "0" * 64}, Reason.PLAN_CHANGED),
        # Other arguments than those that were approved, truly signed: the plan tells.
        ({"arguments": {"unit": "sshd.service"}}, Reason.PLAN_CHANGED),
        ({"arguments": {"unit": "nginx; reboot"}}, Reason.BAD_ARGUMENTS),
        ({"arguments": {"unit": "--all"}}, Reason.BAD_ARGUMENTS),
        ({"arguments": {"unit": "a\x00b"}}, Reason.BAD_ARGUMENTS),
        ({"arguments": {"unit": ["nginx"]}}, Reason.BAD_ARGUMENTS),
        ({"arguments": {}}, Reason.BAD_ARGUMENTS),
        ({"arguments": {"unit": "nginx.service", "now": True}}, Reason.BAD_ARGUMENTS),
        ({"approval": Approval.NONE, "approver": ""}, Reason.NOT_APPROVED),
        ({"approver": ""}, Reason.NOT_APPROVED),
        ({"requester": ""}, Reason.NOT_APPROVED),
        ({"v": 2}, Reason.UNKNOWN_VERSION),
        ({"secrets": {"x": "0" * 64}}, Reason.BAD_ARGUMENTS),
    ],
)
def test_a_signed_envelope_that_is_not_right_is_refused(changes: dict[str, Any], reason: Reason) -> None:
    assert _reason(_restart(**changes)) == reason


def test_nobody_is_one_s_own_second_person() -> None:
    assert _reason(dispatch_of(KEY, REBOOT, approver="ann")) == Reason.SELF_APPROVED
    assert _judge(dispatch_of(KEY, REBOOT)).action is REBOOT


def test_an_unsigned_or_altered_envelope_is_refused_before_anything_else() -> None:
    good = _restart()
    other = _restart()
    assert _reason(msgspec.structs.replace(good, signature="")) == Reason.BAD_SIGNATURE
    assert _reason(msgspec.structs.replace(good, envelope=other.envelope)) == Reason.BAD_SIGNATURE
    assert _reason(msgspec.structs.replace(good, envelope=good.envelope + " ")) == Reason.BAD_SIGNATURE
    assert _reason(msgspec.structs.replace(good, key="0" * 64)) == Reason.UNKNOWN_KEY
    # All that is wrong with it beside the signature is not even looked at.
    foreign = sign_envelope(envelope_of(RESTART, {"unit": "x"}, host_id="host-2"), FOREIGN)
    assert _reason(foreign) == Reason.UNKNOWN_KEY
    assert _reason(foreign, standing=Standing(HOST, may_run=True, keys=())) == Reason.NO_KEY


def test_a_key_that_the_policy_pins_counts_alone() -> None:
    pinned = Policy(allow=(Rule(("*",)),), server_keys=(FOREIGN.public_key,))
    assert _reason(_restart(), policy=pinned) == Reason.UNKNOWN_KEY
    assert _judge(dispatch_of(FOREIGN, RESTART, {"unit": "x"}), policy=pinned).action is RESTART


def test_without_the_grant_nothing_runs() -> None:
    assert _reason(_restart(), standing=Standing(HOST, may_run=False, keys=STANDING.keys)) == Reason.NOT_GRANTED


def test_the_host_s_policy_has_the_last_word() -> None:
    assert _reason(_restart(), policy=Policy()) == Reason.POLICY_DENIES


def test_a_secret_comes_beside_the_envelope_and_is_the_one_that_was_given() -> None:
    given = secret("correct horse")
    good = dispatch_of(KEY, LOGIN, hidden={"password": given})
    assert _judge(good).secrets == {"password": "correct horse"}
    assert "correct horse" not in good.envelope
    assert "correct horse" not in repr(_judge(good))
    for secrets in ({}, {"password": secret("another one")}, {"password": given, "more": given}):
        assert _reason(msgspec.structs.replace(good, secrets=secrets)) == Reason.BAD_SECRETS
    short = dispatch_of(KEY, LOGIN, hidden={"password": secret("abc")})
    assert _reason(short) == Reason.BAD_SECRETS


def test_a_link_that_leads_out_of_its_root_is_refused(tmp_path: Path) -> None:
    root = tmp_path / "log"
    root.mkdir()
    (root / "app.log").write_text("x")
    (root / "out").symlink_to("/etc/passwd")
    (root / "up").symlink_to(tmp_path)
    (root / "in").symlink_to(root / "app.log")
    (root / "loop").symlink_to(root / "loop")
    tail = action(
        name="test.tail", run=[["tail", "--", "{path}"]], risk="none",
        parameters={"path": {"type": "path", "roots": [str(root)]}},
    )  # fmt: skip
    known = {tail.name: tail}

    def judge(name: str) -> str | None:
        dispatch = dispatch_of(KEY, tail, {"path": f"{root}/{name}"})
        try:
            verify(open_envelope(dispatch, STANDING, POLICY), dispatch, STANDING, POLICY, known)
        except CommandRefusedError as error:
            return error.reason
        return None

    assert judge("app.log") is None
    assert judge("in") is None
    assert judge("not-there") is None
    for name in ("out", "up/secret", "loop"):
        assert judge(name) == Reason.BAD_ARGUMENTS


def test_a_root_that_is_a_link_stands_for_where_it_leads(tmp_path: Path) -> None:
    real, root = tmp_path / "real", tmp_path / "log"
    real.mkdir()
    root.symlink_to(real)
    tail: Action = action(
        name="test.tail", run=[["tail", "--", "{path}"]], risk="none",
        parameters={"path": {"type": "path", "roots": [str(root)]}},
    )  # fmt: skip
    dispatch = dispatch_of(KEY, tail, {"path": f"{root}/app.log"})
    envelope = open_envelope(dispatch, STANDING, POLICY)
    assert verify(envelope, dispatch, STANDING, POLICY, {tail.name: tail}).action is tail

from pathlib import Path
from typing import Any

import pytest

from nagare.agent.executor.policy import Policy, check_policy, load_policy, parse_policy
from nagare.config.actions.load import shipped_actions
from nagare.config.files import parse_toml
from nagare.errors import CommandRefusedError, ConfigError
from nagare.keys.signing import SigningKey
from nagare.model.command.approval import Approval
from nagare.model.command.result import Reason

ACTIONS = shipped_actions()


def _policy(text: str) -> Policy:
    return parse_policy(parse_toml(Path("policy.toml"), text))


def _reason(policy: Policy, name: str, approval: Approval = Approval.SECOND_PERSON, **arguments: Any) -> str | None:
    try:
        check_policy(policy, ACTIONS[name], arguments, approval)
    except CommandRefusedError as error:
        return error.reason
    return None


def test_nothing_is_allowed_that_no_rule_names() -> None:
    assert _reason(Policy(), "host.uptime") == Reason.POLICY_DENIES
    policy = _policy('[[allow]]\nactions = ["disk.*", "host.uptime"]\n')
    assert _reason(policy, "host.uptime") is None
    assert _reason(policy, "disk.usage") is None
    assert _reason(policy, "host.reboot") == Reason.POLICY_DENIES


def test_the_shell_needs_its_own_word_and_a_rule() -> None:
    rule = '[[allow]]\nactions = ["*"]\n'
    assert _reason(_policy(rule), "shell.run", script="id") == Reason.SHELL_OFF
    assert _reason(_policy("allow_shell = true\n"), "shell.run", script="id") == Reason.POLICY_DENIES
    assert _reason(_policy("allow_shell = true\n" + rule), "shell.run", script="id") is None


def test_a_denying_rule_wins() -> None:
    policy = _policy('[[allow]]\nactions = ["*"]\n[[deny]]\nactions = ["host.*"]\n')
    assert _reason(policy, "host.reboot") == Reason.POLICY_DENIES
    assert _reason(policy, "disk.usage") is None
    some = _policy('[[allow]]\nactions = ["*"]\n[[deny]]\nactions = ["service.*"]\narguments = {unit = ["sshd*"]}\n')
    assert _reason(some, "service.restart", unit="sshd.service") == Reason.POLICY_DENIES
    assert _reason(some, "service.restart", unit="nginx.service") is None


def test_one_part_of_a_list_is_enough_to_deny_and_all_of_it_must_be_allowed() -> None:
    rule = 'actions = ["*"]\narguments = {unit = ["sshd*"]}\n'
    denying = _policy(f'[[allow]]\nactions = ["*"]\n[[deny]]\n{rule}')
    assert _reason(denying, "service.restart", unit=["nginx", "sshd"]) == Reason.POLICY_DENIES
    assert _reason(denying, "service.restart", unit=["nginx", "cron"]) is None
    allowing = _policy(f"[[allow]]\n{rule}")
    assert _reason(allowing, "service.restart", unit=["nginx", "sshd"]) == Reason.POLICY_DENIES
    assert _reason(allowing, "service.restart", unit=["sshd", "sshd@1"]) is None


def test_a_rule_goes_up_to_its_risk() -> None:
    policy = _policy('[[allow]]\nactions = ["*"]\nhighest_risk = "self-confirm"\n')
    assert _reason(policy, "service.restart", unit="x") is None
    assert _reason(policy, "host.reboot") == Reason.POLICY_DENIES


def test_a_rule_holds_arguments_to_its_globs() -> None:
    policy = _policy('[[allow]]\nactions = ["service.*"]\narguments = {unit = ["nginx.service", "app-*.service"]}\n')
    assert _reason(policy, "service.restart", unit="app-1.service") is None
    assert _reason(policy, "service.restart", unit="sshd.service") == Reason.POLICY_DENIES
    # One that does not name what the rule is about is not allowed by it.
    assert _reason(policy, "service.restart") == Reason.POLICY_DENIES
    flags = _policy('[[allow]]\nactions = ["network.*"]\narguments = {scope = ["false"]}\n')
    assert _reason(flags, "network.sockets", scope=False) is None
    assert _reason(flags, "network.sockets", scope=True) == Reason.POLICY_DENIES


def test_breaking_the_glass_needs_the_host_s_word() -> None:
    rule = '[[allow]]\nactions = ["*"]\n'
    assert _reason(_policy(rule), "host.reboot", Approval.BREAK_GLASS) == Reason.BREAK_GLASS_OFF
    assert _reason(_policy("allow_break_glass = true\n" + rule), "host.reboot", Approval.BREAK_GLASS) is None


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("allow_shel = true\n", "line 1: allow_shel is not known; did you mean 'allow_shell'?"),
        ('allow_shell = "yes"\n', "line 1: allow_shell must be true or false"),
        ('[[allow]]\naction = ["x"]\n', "allow.0.action is not known"),
        ("[[allow]]\n", "actions is missing"),
        ('[[allow]]\nactions = ["x"]\nhighest_risk = "low"\n', "highest_risk must be one of"),
        ("[allow]\nactions = []\n", "allow must be tables"),
        ('server_keys = ["abc"]\n', "is no Ed25519 key"),
        ("allow = [", "cannot read"),
    ],
)
def test_a_fault_is_told_with_its_place(text: str, told: str) -> None:
    with pytest.raises(ConfigError) as raised:
        _policy(text)
    assert told in raised.value.message


def test_a_key_may_be_pinned() -> None:
    key = SigningKey.generate().public_key
    assert _policy(f'server_keys = ["{key}"]\n').server_keys == (key,)


def test_what_is_not_there_or_not_the_host_s_is_no_policy(tmp_path: Path) -> None:
    path = tmp_path / "policy.toml"

    def reason() -> str:
        with pytest.raises(CommandRefusedError) as raised:
            load_policy(path)
        return raised.value.reason

    assert reason() == Reason.NO_POLICY
    path.write_text("allow_shell = 3\n")
    assert reason() == Reason.POLICY_INVALID
    path.chmod(0o666)
    assert reason() == Reason.POLICY_UNTRUSTED
    path.chmod(0o600)
    path.write_text("allow_shell = true\n")
    assert load_policy(path).allow_shell

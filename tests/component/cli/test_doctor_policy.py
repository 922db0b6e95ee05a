"""What doctor says of the policy of a host, and of what would hold its programs."""

from pathlib import Path

import pytest

from nagare.cli.offline.checks.policy import check_policy
from nagare.cli.offline.checks.verdict import Check
from nagare.config.places import Places
from nagare.config.settings import CommandSettings, Settings

SOUND = '[[allow]]\nactions = ["disk.*", "host.uptime"]\n[[deny]]\nactions = ["host.reboot"]\n'


def _checks(tmp_path: Path, policy: str | None, *, mode: int = 0o600, actions: Path | None = None) -> list[Check]:
    file = tmp_path / "policy.toml"
    if policy is not None:
        file.write_text(policy)
        file.chmod(mode)
    settings = Settings(data=tmp_path / "data", commands=CommandSettings(policy=file, actions=actions))
    return list(check_policy(settings))


def test_a_sound_policy_and_what_really_holds_a_program_here(tmp_path: Path) -> None:
    policy, hold = _checks(tmp_path, SOUND)
    assert (policy.name, policy.verdict) == ("command policy", "ok")
    assert "1 rules allow, 1 deny; no free-form programs" in policy.seen
    assert hold.name == "command hold"
    assert "no-new-privileges" in hold.seen
    assert hold.verdict == "ok" if "pids" in hold.seen else hold.verdict == "warn"


def test_a_host_that_was_never_to_run_any_hears_nothing(tmp_path: Path) -> None:
    assert _checks(tmp_path, None) == []
    Places(tmp_path / "data").agent_commands.mkdir(parents=True)
    (check,) = _checks(tmp_path, None)
    assert (check.verdict, "runs no command" in check.seen, bool(check.mend)) == ("warn", True, True)


@pytest.mark.parametrize(
    ("policy", "mode", "word"),
    [
        (SOUND, 0o666, "policy.toml"),
        ("[[allow]\n", 0o600, "policy.toml"),
        ("[[allow]]\n", 0o600, "line 1: allow.0.actions is missing"),
        ('[[allow]]\nactions = ["*"]\nrisk = "none"\n', 0o600, "allow.0.risk"),
    ],
)
def test_a_policy_that_the_agent_will_not_believe_is_bad(tmp_path: Path, policy: str, mode: int, word: str) -> None:
    (check,) = _checks(tmp_path, policy, mode=mode)
    assert (check.name, check.verdict, word in check.seen) == ("command policy", "bad", True), check
    assert check.mend


def test_rules_about_actions_that_do_not_exist_are_named(tmp_path: Path) -> None:
    _, *named, _ = _checks(tmp_path, SOUND + '[[deny]]\nactions = ["host.rebot", "site.*", "disk.usage"]\n')
    assert [check.verdict for check in named] == ["warn", "warn"]
    assert "deny.1 names 'host.rebot'" in named[0].seen
    assert "host.reboot" in named[0].mend
    assert "'site.*'" in named[1].seen


def test_actions_that_cannot_be_used_and_a_user_that_is_none_are_bad(tmp_path: Path) -> None:
    folder = tmp_path / "actions"
    folder.mkdir()
    (folder / "site.x.toml").write_text("name = 1\n")
    _, actions, _ = _checks(tmp_path, SOUND, actions=folder)
    assert (actions.name, actions.verdict) == ("command actions", "bad")
    checks = _checks(tmp_path, 'run_as = "nobody-of-that-name"\n' + SOUND)
    assert (checks[-1].verdict, "nobody-of-that-name" in checks[-1].seen) == ("bad", True)

import re
from typing import Any

import pytest

from nagare.errors import InputError
from nagare.model.command.action import Capability, Overflow, Risk
from tests.unit.model.command.actions import action, with_parameter


def test_an_action_has_what_its_definition_says() -> None:
    made = action(needs_root=True, limits={"timeout_seconds": 5, "overflow": "end"}, success=[0, 3])
    assert (made.name, made.risk, made.capability) == ("service.restart", Risk.SELF_CONFIRM, Capability.COMMANDS)
    assert made.variants[0].program == "systemctl"
    assert (made.limits.timeout_seconds, made.limits.overflow) == (5, Overflow.END)
    assert made.success == (0, 3)


@pytest.mark.parametrize(
    ("changes", "place", "cause"),
    [
        ({"name": "Restart"}, "name", "must read like"),
        ({"name": None}, "name", "is missing"),
        ({"version": 0}, "version", "within 1"),
        ({"version": True}, "version", "whole number"),
        ({"risk": "high"}, "risk", "must be one of none, self-confirm, second-person"),
        ({"risc": "none"}, "risc", "did you mean 'risk'?"),
        ({"run": []}, "run", "list of command lines"),
        ({"run": ["systemctl restart"]}, "run", "list of command lines"),
        ({"run": [["systemctl", "{unit"]]}, "run", "no other braces"),
        ({"run": [["systemctl", "--", "{unit}{unit}"]]}, "run", "one placeholder"),
        ({"run": [["systemctl", "--", "{name}"]]}, "run", "names name, which is no parameter"),
        ({"run": [["{unit}"]]}, "run", "no name of a program"),
        ({"run": [["system ctl", "--", "{unit}"]]}, "run", "no name of a program"),
        ({"run": [["../ctl", "--", "{unit}"]]}, "run", "no name of a program"),
        ({"run": [["bin/ctl", "--", "{unit}"]]}, "run", "no name of a program"),
        ({"run": [["/opt/../ctl", "--", "{unit}"]]}, "run", "no name of a program"),
        ({"run": [["systemctl", "a\nb", "--", "{unit}"]]}, "run", "control character"),
        ({"run": [["systemctl"]]}, "parameters/unit", "is used in no word"),
        ({"run": [["sh", "-c", "{unit}"]]}, "run", 'needs capability = "shell"'),
        ({"run": [["/usr/bin/python3.11", "-c", "{unit}"]]}, "run", 'needs capability = "shell"'),
        ({"run": [["sudo", "systemctl", "--", "{unit}"]]}, "run", 'needs capability = "shell"'),
        ({"environment": {"LD_PRELOAD": "/x.so"}}, "environment/LD_PRELOAD", "would change which program runs"),
        ({"environment": {"PATH": "/tmp"}}, "environment/PATH", "would change which program runs"),
        ({"environment": {"lang": "C"}}, "environment/lang", "no name of an environment variable"),
        ({"limits": {"pids": 0}}, "limits/pids", "within 1"),
        ({"limits": {"seconds": 3}}, "limits/seconds", "not known"),
        ({"success": [256]}, "success", "0 to 125"),
        ({"writable": ["tmp"]}, "writable", "no plain absolute path"),
        ({"parameters": {"unit": {"type": "unit", "low": 1}}}, "parameters/unit/low", "means nothing"),
        ({"parameters": {"unit": {"type": "units"}}}, "parameters/unit/type", "did you mean 'unit'?"),
        ({"parameters": {"unit": {"type": "choice"}}}, "parameters/unit/choices", "is missing"),
        ({"parameters": {"unit": {"type": "path"}}}, "parameters/unit/roots", "is missing"),
        ({"parameters": {"unit": {"type": "path", "roots": ["/a/../b"]}}}, "parameters/unit/roots", "no plain"),
        ({"parameters": {"unit": {"type": "string", "pattern": "("}}}, "parameters/unit/pattern", "regular expression"),
        ({"parameters": {"unit": {"type": "integer", "low": 5, "high": 4}}}, "parameters/unit/low", "above high"),
        ({"parameters": {"unit": {"type": "integer", "default": "x"}}}, "parameters/unit/default", "whole number"),
        ({"parameters": {"unit": {"type": "secret", "into": "stdin"}}}, "run", "would show the secret"),
        ({"parameters": {"Unit": {"type": "unit"}}}, "parameters/Unit", "no lawful name"),
    ],
)
def test_a_fault_is_named_with_its_place(changes: dict[str, Any], place: str, cause: str) -> None:
    with pytest.raises(InputError) as raised:
        action(**changes)
    assert [fault for fault in raised.value.errors if fault["pointer"] == f"#/{place}" and cause in fault["detail"]]


def test_all_faults_are_told_at_once() -> None:
    with pytest.raises(InputError) as raised:
        action(version=0, risk="x", success=[])
    assert len(raised.value.errors) == 3


@pytest.mark.parametrize("parameter", [{"type": "integer"}, {"type": "choice", "choices": ["-a", "b"]}])
def test_a_word_that_may_begin_with_a_dash_is_guarded_by_the_author(parameter: dict[str, Any]) -> None:
    with pytest.raises(InputError, match=re.escape('put "--" before it')):
        with_parameter(["echo", "{x}"], **parameter)
    with_parameter(["echo", "--", "{x}"], **parameter)
    with_parameter(["echo", "--n={x}"], **parameter)


def test_the_hash_of_an_action_tells_any_change() -> None:
    changes: list[dict[str, Any]] = [
        {}, {"version": 2}, {"title": "x"}, {"risk": "none"}, {"needs_root": True}, {"forks_freely": True},
        {"sees_processes": True}, {"success": [0, 1]}, {"writable": ["/x"]}, {"environment": {"LANG": "C"}},
        {"limits": {"pids": 3}}, {"capability": "shell"}, {"run": [["systemctl", "stop", "--", "{unit}"]]},
        {"parameters": {"unit": {"type": "unit", "text": "x"}}}, {"parameters": {"unit": {"type": "string"}}},
    ]  # fmt: skip
    assert len({action(**change).sha256 for change in changes}) == len(changes)
    assert action().sha256 == action().sha256

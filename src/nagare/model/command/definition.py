"""From the plain values of an action file to an action, checked so that no lawful argument changes what it means.

Every fault is found at once and points at its place; the reader of the file adds the line.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import PurePosixPath
from typing import Any

from nagare.errors import InputError
from nagare.model.command.action import Action, Capability, Limits, Overflow, Risk, Variant
from nagare.model.command.parameters import (
    LIST_LIMIT,
    PLAIN_KINDS,
    TEXT_KINDS,
    TEXT_LIMIT,
    Kind,
    Parameter,
    check_value,
)
from nagare.model.command.plan import PLACEHOLDER, STDIN
from nagare.model.fields import Faults, Fields

NAME_LIMIT = 64
_NAME = re.compile(r"[a-z][a-z0-9-]*(\.[a-z][a-z0-9-]*)+")
_PARAMETER = re.compile(r"[a-z][a-z0-9_]{0,40}")
_PROGRAM = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.+-]*|(/(?!\.\.?(/|$))[A-Za-z0-9_.+-]+)+")
_VARIABLE = re.compile(r"[A-Z][A-Z0-9_]{0,63}")
_UNLAWFUL = re.compile("[\x00-\x1f\x7f]")
# Variables that make a loader or an interpreter run something else than the program that was approved.
_STEERING = re.compile(r"LD_.*|PATH|IFS|ENV|BASH_.*|SHELLOPTS|PYTHON.*|PERL.*|RUBY.*|NODE_.*|GCONV_PATH|.*_PRELOAD")
# Programs that run what they are given: with a parameter of the caller's they are a free-form shell by another name.
_FREE_FORM = re.compile(
    r"(ba|da|z|k|c|tc|a|fi)?sh|busybox|python[0-9.]*|perl|ruby|node|php|lua.*|[gmn]?awk|env|xargs|sudo|su|doas|nsenter|"
    r"chroot|unshare|setpriv|runuser|systemd-run|ssh|eval|nohup|timeout|nice|script|expect|tclsh.*|vi|vim|ed"
)
_FLAT_KEYS = ("pattern", "longest", "lines", "low", "high", "choices", "word", "roots", "into", "list", "most")
# Which constraints a kind knows; others would be silently without effect.
_KEYS_OF: Mapping[Kind, tuple[str, ...]] = {
    Kind.STRING: ("pattern", "longest", "lines", "list", "most"),
    Kind.INTEGER: ("low", "high"),
    Kind.CHOICE: ("choices", "list", "most"),
    Kind.FLAG: ("word",),
    Kind.UNIT: ("list", "most"),
    Kind.PATH: ("roots", "list", "most"),
    Kind.PID: (),
    Kind.DURATION: ("low", "high"),
    Kind.SECRET: ("into", "lines"),
}


def parse_action(table: Mapping[str, Any]) -> Action:
    """Return the action that ``table`` defines. Raises InputError with a pointer at every fault."""
    faults = Faults(f"action {str(table.get('name', ''))[:NAME_LIMIT]!r}")
    fields = Fields(table, "", faults)
    parameters = tuple(_parameter(name, part, faults) for name, part in fields.table("parameters").items())
    action = Action(
        name=fields.text("name"),
        version=fields.number("version", None, 1, 10**6),
        title=fields.text("title"),
        risk=fields.choice("risk", Risk, None),
        variants=_variants(fields),
        parameters=parameters,
        limits=_limits(fields, faults),
        capability=fields.choice("capability", Capability, Capability.COMMANDS),
        needs_root=fields.flag("needs_root"),
        forks_freely=fields.flag("forks_freely"),
        sees_processes=fields.flag("sees_processes"),
        writable=fields.texts("writable"),
        environment=_environment(fields),
        success=_success(fields),
    )
    fields.finish()
    _check_names(action, fields)
    _check_words(action, fields)
    faults.refuse()
    return action


def _parameter(name: str, table: Any, faults: Faults) -> Parameter:
    place = f"parameters.{name}"
    if not isinstance(table, dict):
        faults.add(place, "must be a table")
        table = {}
    if _PARAMETER.fullmatch(name) is None:
        faults.add(place, "is no lawful name: lower case letters, digits, underscores")
    fields = Fields(table, place, faults)
    kind = fields.choice("type", Kind, None)
    parameter = Parameter(
        name=name,
        kind=kind,
        text=fields.text("text", ""),
        is_optional=fields.flag("optional"),
        default=fields.raw("default"),
        is_list=fields.flag("list"),
        most=fields.number("most", 16, 1, LIST_LIMIT),
        pattern=fields.text("pattern", ""),
        longest=fields.number("longest", 256, 1, TEXT_LIMIT),
        has_lines=fields.flag("lines"),
        low=fields.find_number("low"),
        high=fields.find_number("high"),
        choices=fields.texts("choices"),
        word=fields.text("word", ""),
        roots=fields.texts("roots"),
        into=fields.text("into", ""),
    )
    fields.finish()
    fields.only(
        [key for key in _FLAT_KEYS if key not in _KEYS_OF[kind]], f"means nothing for a parameter of type {kind}"
    )
    _check_parameter(parameter, fields)
    return parameter


def _check_parameter(parameter: Parameter, fields: Fields) -> None:
    _check_needed(parameter, fields)
    if parameter.is_list and parameter.kind not in TEXT_KINDS:
        fields.fault("list", f"is not possible for type {parameter.kind}")
    if parameter.low is not None and parameter.high is not None and parameter.low > parameter.high:
        fields.fault("low", f"is {parameter.low}, above high, {parameter.high}")
    for root in parameter.roots:
        if root != "/" and (not root.startswith("/") or any(part in ("", ".", "..") for part in root[1:].split("/"))):
            fields.fault("roots", f"{root[:80]!r} is no plain absolute path")
    try:
        re.compile(parameter.pattern)
        if parameter.default is not None:
            check_value(parameter, parameter.default)
    except re.error as error:
        fields.fault("pattern", f"is no regular expression: {error}")
    except InputError as error:
        fields.fault("default", error.errors[0]["detail"])


def _check_needed(parameter: Parameter, fields: Fields) -> None:
    if parameter.kind is Kind.CHOICE and not parameter.choices:
        fields.fault("choices", "is missing")
    if parameter.kind is Kind.FLAG and not parameter.word:
        fields.fault("word", "is missing: the word that a set flag becomes")
    if parameter.kind is Kind.PATH and not parameter.roots:
        fields.fault("roots", 'is missing: the folders below which paths may lie, ["/"] for any')
    if parameter.kind is Kind.SECRET and parameter.into != STDIN:
        _check_variable(parameter.into, fields, "into")
    if parameter.kind is Kind.SECRET and parameter.default is not None:
        fields.fault("default", "is not possible for a secret")


def _check_variable(name: str, fields: Fields, key: str) -> None:
    if _VARIABLE.fullmatch(name) is None:
        fields.fault(
            key, f"{name[:60]!r} is no name of an environment variable" + (" or stdin" if key == "into" else "")
        )
    elif _STEERING.fullmatch(name):
        fields.fault(key, f"{name} would change which program runs")


def _variants(fields: Fields) -> tuple[Variant, ...]:
    value = fields.raw("run")
    if not isinstance(value, list) or not value or not all(isinstance(words, list) and words for words in value):
        fields.fault("run", 'must be a list of command lines, each a list of words: [["uptime"]]')
        return ()
    if any(not isinstance(word, str) for words in value for word in words):
        fields.fault("run", "must hold texts only")
        return ()
    return tuple(Variant(tuple(words)) for words in value)


def _limits(fields: Fields, faults: Faults) -> Limits:
    given = Fields(fields.table("limits"), "limits", faults)
    usual = Limits()
    limits = Limits(
        timeout_seconds=given.number("timeout_seconds", usual.timeout_seconds, 1, 86_400),
        output_bytes=given.number("output_bytes", usual.output_bytes, 1024, 64 * 2**20),
        memory_bytes=given.number("memory_bytes", usual.memory_bytes, 2**24, 2**40),
        cpu_seconds=given.number("cpu_seconds", usual.cpu_seconds, 1, 86_400),
        pids=given.number("pids", usual.pids, 1, 4096),
        open_files=given.number("open_files", usual.open_files, 16, 65_536),
        file_bytes=given.number("file_bytes", usual.file_bytes, 0, 2**40),
        overflow=given.choice("overflow", Overflow, usual.overflow),
    )
    given.finish()
    return limits


def _environment(fields: Fields) -> Mapping[str, str]:
    table = fields.table("environment")
    for name, value in table.items():
        _check_variable(name, fields, f"environment.{name}")
        if not isinstance(value, str) or _UNLAWFUL.search(value):
            fields.fault(f"environment.{name}", "must be a text without control characters")
    return {name: str(value) for name, value in table.items()}


def _success(fields: Fields) -> tuple[int, ...]:
    value = fields.raw("success")
    if value is None:
        return (0,)
    if not isinstance(value, list) or not value or any(type(code) is not int or not 0 <= code < 126 for code in value):
        fields.fault("success", "must be a list of exit codes, 0 to 125")
        return (0,)
    return tuple(value)


def _check_names(action: Action, fields: Fields) -> None:
    if _NAME.fullmatch(action.name) is None or len(action.name) > NAME_LIMIT:
        fields.fault(
            "name", f"must read like service.restart: lower case, with a dot, {NAME_LIMIT} characters at the most"
        )
    for path in action.writable:
        if not path.startswith("/") or ".." in path.split("/"):
            fields.fault("writable", f"{path[:80]!r} is no plain absolute path")
    if len([parameter for parameter in action.secrets if parameter.into == STDIN]) > 1:
        fields.fault("parameters", "two secrets cannot both go to stdin")
    places = [parameter.into for parameter in action.secrets if parameter.into != STDIN]
    if len(set(places)) < len(places) or set(places) & set(action.environment):
        fields.fault("parameters", "two things cannot go into one environment variable")


def _check_words(action: Action, fields: Fields) -> None:
    used: set[str] = set()
    for variant in action.variants:
        _check_program(action, variant, fields)
        is_before_dashes = True
        for word in variant.words:
            used |= _check_word(action, word, fields, is_before_dashes=is_before_dashes)
            is_before_dashes = is_before_dashes and word != "--"
    for parameter in action.parameters:
        if not parameter.is_secret and parameter.name not in used:
            fields.fault(f"parameters.{parameter.name}", "is used in no word of run")


def _check_program(action: Action, variant: Variant, fields: Fields) -> None:
    if _PROGRAM.fullmatch(variant.program) is None:
        fields.fault("run", f"{variant.program[:60]!r} is no name of a program, nor an absolute path of one")
    is_free_form = _FREE_FORM.fullmatch(PurePosixPath(variant.program).name) is not None
    is_given = any(PLACEHOLDER.search(word) for word in variant.words)
    if is_free_form and is_given and action.capability is not Capability.SHELL:
        fields.fault("run", f'{variant.program} runs what it is given: with parameters it needs capability = "shell"')


def _check_word(action: Action, word: str, fields: Fields, *, is_before_dashes: bool) -> set[str]:
    if _UNLAWFUL.search(word) or not word:
        fields.fault("run", f"{word[:60]!r} is empty or holds a control character")
    names = PLACEHOLDER.findall(word)
    if len(names) > 1 or set("{}") & set(PLACEHOLDER.sub("", word)):
        fields.fault("run", f"{word[:60]!r} may hold one placeholder such as {{unit}}, and no other braces")
    for name in names:
        parameter = action.find_parameter(name)
        if parameter is None:
            fields.fault("run", f"{word[:60]!r} names {name}, which is no parameter")
        elif parameter.is_secret:
            fields.fault("run", f"{word[:60]!r} would show the secret {name} to everybody on the host")
        elif is_before_dashes and word.startswith("{"):
            _check_guarded(parameter, word, fields)
    return set(names)


def _check_guarded(parameter: Parameter, word: str, fields: Fields) -> None:
    if parameter.kind in PLAIN_KINDS or parameter.kind is Kind.FLAG:
        return
    may_be_negative = parameter.kind is Kind.INTEGER and (parameter.low is None or parameter.low < 0)
    if may_be_negative or any(choice.startswith("-") for choice in parameter.choices):
        fields.fault(
            "run", f'{word!r} may begin with a dash: put "--" before it, or write it into a word like --count={word}'
        )

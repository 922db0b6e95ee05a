"""A command that is being written: texts as they are typed, checked by the rules of the action, and made into a request.

The server checks the same again; here they are told while one types. A secret's text is held for the request alone.
"""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from nagare.client.jobs.target_words import parse_targets
from nagare.errors import InputError
from nagare.lib.units import parse_duration
from nagare.model.command.action import Risk
from nagare.model.command.parameters import Kind, Parameter, Value, check_secret, check_value
from nagare.wire.command_jobs import Batches, JobRequest, Targets

if TYPE_CHECKING:
    from nagare.wire.command_jobs import ActionView, ParameterView

EVERY = "*"
_YES, _NO = frozenset({"yes", "y", "true", "on", "1"}), frozenset({"no", "n", "false", "off", "0"})
_NUMBERS = frozenset({Kind.INTEGER, Kind.PID})
_EXPIRES_LIMITS_SECONDS = (5.0, 7 * 86_400.0)
_MOST_HOSTS = 10_000


@dataclass(frozen=True, slots=True)
class Field:
    """One line of the form: its id, its label, what it takes, and whether it may stay empty or must not be shown."""

    id: str
    label: str
    hint: str
    is_optional: bool = True
    is_secret: bool = False
    usual: str = ""
    choices: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Draft:
    """An action and the texts of its fields."""

    action: ActionView
    texts: Mapping[str, str] = field(default_factory=dict, repr=False)

    def text(self, field_id: str) -> str:
        """Return what stands in a field."""
        return self.texts.get(field_id, "").strip()


_ABOUT = (
    Field("targets", "hosts", "names, @group, label=value, * for every host; F2 lists them", is_optional=True),
    Field("query", "or SQL", "a query whose column host names them, joined to the hosts above"),
)
_PACE = (
    Field("why", "why", "for whoever agrees, and for the audit log"),
    Field("concurrency", "at one time", "so many hosts at one time", usual="20"),
    Field("canary", "first", "so many hosts first, and all of them must end well", usual="0"),
    Field("stop_after", "stop after", "so many that did not end well; 0 never stops", usual="1"),
    Field("expires", "expires", "what has not begun by then never will", usual="5m"),
)
# Who breaks it goes without the second person, at once.
_GLASS = Field(
    "break_glass", "break glass", "why it goes WITHOUT the second person, which all are told; empty asks for one"
)


def fields_of(action: ActionView) -> tuple[Field, ...]:
    """Return the lines of the form of ``action``: its hosts, its parameters, and how it goes."""
    glass = (_GLASS,) if action.risk == Risk.SECOND_PERSON else ()
    return (*_ABOUT, *(_parameter_field(parameter) for parameter in action.parameters), *_PACE, *glass)


def _parameter_field(view: ParameterView) -> Field:
    usual = "" if view.default is None else _written(view.default)
    return Field(
        f"argument-{view.name}", view.name, _hint(view), view.is_optional, view.kind == Kind.SECRET, usual,
        tuple(view.choices) if view.kind == Kind.CHOICE else ("yes", "no") if view.kind == Kind.FLAG else (),
    )  # fmt: skip


def _hint(view: ParameterView) -> str:
    parts = [view.text or view.kind]
    match view.kind:
        case Kind.CHOICE:
            parts.append(f"one of {', '.join(view.choices)}")
        case Kind.FLAG:
            parts.append("yes or no")
        case Kind.PATH:
            parts.append(f"below {' or '.join(view.roots)}")
        case Kind.DURATION:
            parts.append("such as 15m")
        case Kind.INTEGER if view.low is not None or view.high is not None:
            parts.append(f"{'any' if view.low is None else view.low} to {'any' if view.high is None else view.high}")
    parts += ["several, apart by blanks"] if view.is_list else []
    return "; ".join(parts)


def _written(value: Value) -> str:
    if isinstance(value, list):
        return shlex.join(value)
    return ("no", "yes")[value] if isinstance(value, bool) else str(value)


def fault_of(draft: Draft, field_id: str) -> str:
    """Return what is wrong with the text of a field, empty when nothing is."""
    try:
        if field_id in ("targets", "query"):
            targets_of(draft)
        elif field_id.startswith("argument-"):
            _argument(draft, _parameter(draft.action, field_id.removeprefix("argument-")))
        elif field_id == "expires":
            _expires_seconds(draft)
        elif field_id not in ("why", _GLASS.id):
            _count(draft, field_id)
    except InputError as error:
        return error.message.partition(": ")[2] or error.message
    return ""


def request_of(draft: Draft) -> JobRequest:
    """Return the request that the draft says. Raises InputError for the first field that is wrong."""
    arguments: dict[str, Value] = {}
    secrets: dict[str, str] = {}
    for view in draft.action.parameters:
        value = _argument(draft, view)
        if value is not None and view.kind == Kind.SECRET:
            secrets[view.name] = str(value)
        elif value is not None:
            arguments[view.name] = value
    batches = Batches(_count(draft, "canary"), _count(draft, "concurrency"), _count(draft, "stop_after"))
    return JobRequest(
        draft.action.name, targets_of(draft), arguments, secrets, batches, draft.text("why"),
        break_glass=draft.text(_GLASS.id), expires_seconds=_expires_seconds(draft),
    )  # fmt: skip


def targets_of(draft: Draft) -> Targets:
    """Return the hosts that are meant. Raises InputError."""
    words, query = draft.text("targets").split(), draft.text("query")
    if words == [EVERY] and not query:
        return Targets(all=True)
    if EVERY in words:
        raise InputError("cannot choose hosts: * means every host, and others are named beside it")
    if not words and not query:
        raise InputError("cannot choose hosts: none is named")
    return parse_targets(words, (), query, every=False)


def _parameter(action: ActionView, name: str) -> ParameterView:
    return next(parameter for parameter in action.parameters if parameter.name == name)


def _argument(draft: Draft, view: ParameterView) -> Value | None:
    """Return the value of a parameter, None where it is left out. Raises InputError."""
    text = draft.texts.get(f"argument-{view.name}", "")
    parameter = parameter_of(view)
    if not text.strip():
        if view.is_optional:
            return None
        raise InputError(f"cannot use argument {view.name}: it is needed")
    if parameter.is_secret:
        return check_secret(parameter, text)
    return check_value(parameter, _typed(view, text.strip()))


def _typed(view: ParameterView, text: str) -> object:
    """Return ``text`` as its kind has it; what is no number or flag stays a text, which the rules refuse with their words."""
    if view.is_list:
        try:
            return shlex.split(text)
        except ValueError:
            raise InputError(f"cannot use argument {view.name}: a quote is not closed") from None
    if view.kind in _NUMBERS and text.removeprefix("-").isdecimal() and len(text) < 20:
        return int(text)
    if view.kind == Kind.FLAG and text.lower() in _YES | _NO:
        return text.lower() in _YES
    return text


def parameter_of(view: ParameterView) -> Parameter:
    """Return the parameter as its rules know it. One of a kind that is not known takes any text: the server decides."""
    kind = Kind(view.kind) if view.kind in set(Kind) else Kind.STRING
    return Parameter(
        view.name, kind, view.text, view.is_optional, view.default, view.is_list, view.most, view.pattern, view.longest,
        view.has_lines, view.low, view.high, tuple(view.choices), roots=tuple(view.roots),
    )  # fmt: skip


def _count(draft: Draft, field_id: str) -> int:
    text = draft.text(field_id) or next(field.usual for field in _PACE if field.id == field_id)
    least = 1 if field_id == "concurrency" else 0
    if not text.isdecimal() or not least <= int(text) <= _MOST_HOSTS:
        raise InputError(f"cannot use {field_id}: it must be a whole number from {least} to {_MOST_HOSTS}")
    return int(text)


def _expires_seconds(draft: Draft) -> float:
    seconds = parse_duration(draft.text("expires") or "5m")
    least, most = _EXPIRES_LIMITS_SECONDS
    if not least <= seconds <= most:
        raise InputError("cannot use expires: it must be between 5s and 7d")
    return seconds

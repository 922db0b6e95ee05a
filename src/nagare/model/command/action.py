"""An action: what a command may do on a host, as a value. Never a shell string: its words are fixed or a parameter's.

``canonical_form`` is everything that an action means, and its hash is what people approve: an action that differs in any
point on the server and on the host does not run.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType
from typing import Any

from nagare.lib.canonical_json import canonical_sha256
from nagare.model.command.parameters import Parameter

# Of the canonical form. A form of another meaning gets another number, so that no hash of one is taken for the other.
FORM = 1


class Risk(StrEnum):
    """What it takes before a command may run."""

    NONE = "none"
    SELF_CONFIRM = "self-confirm"
    SECOND_PERSON = "second-person"

    @property
    def rank(self) -> int:
        """Which of two risks is the higher one."""
        return list(Risk).index(self)


class Capability(StrEnum):
    """What a host and a user must have been given before an action is even considered."""

    COMMANDS = "commands"
    # Free-form programs. Off by default on the server, in roles and in every host's own policy.
    SHELL = "shell"


class Overflow(StrEnum):
    """What happens to a program that writes more than its output limit."""

    # It runs on; the middle of its output is dropped and counted.
    DISCARD = "discard"
    END = "end"


@dataclass(frozen=True, slots=True)
class Limits:
    """What one run may use. Output and files are bytes a stream and a file, processor time and memory a process."""

    timeout_seconds: int = 60
    output_bytes: int = 2**20
    memory_bytes: int = 2**30
    cpu_seconds: int = 60
    pids: int = 64
    open_files: int = 256
    file_bytes: int = 64 * 2**20
    overflow: Overflow = Overflow.DISCARD


@dataclass(frozen=True, slots=True)
class Variant:
    """One way to run an action; the first whose program (its first word) is on the host is taken."""

    words: tuple[str, ...]

    @property
    def program(self) -> str:
        """The program's name."""
        return self.words[0]


@dataclass(frozen=True, slots=True)
class Action:
    """A typed action. Build it with ``definition.parse_action``, which checks it."""

    name: str
    version: int
    title: str
    risk: Risk
    variants: tuple[Variant, ...]
    parameters: tuple[Parameter, ...] = ()
    limits: Limits = field(default_factory=Limits)
    capability: Capability = Capability.COMMANDS
    needs_root: bool = False
    # It may start any number of processes, by what its arguments say: it runs only under a limit of processes.
    forks_freely: bool = False
    # It looks at, or signals, processes of the host: a sandbox must not hide them.
    sees_processes: bool = False
    # Folders that it may write where the sandbox makes everything else read-only.
    writable: tuple[str, ...] = ()
    environment: Mapping[str, str] = field(default_factory=dict)
    # Exit codes that mean that it did what it should.
    success: tuple[int, ...] = (0,)

    def find_parameter(self, name: str) -> Parameter | None:
        """Return the parameter of that name, or None."""
        return next((parameter for parameter in self.parameters if parameter.name == name), None)

    @property
    def secrets(self) -> tuple[Parameter, ...]:
        """The parameters whose values are secret."""
        return tuple(parameter for parameter in self.parameters if parameter.is_secret)

    def canonical_form(self) -> Mapping[str, Any]:
        """Return all that the action means, as JSON values."""
        return MappingProxyType(
            {
                "form": FORM,
                "name": self.name,
                "version": self.version,
                "title": self.title,
                "risk": self.risk.value,
                "capability": self.capability.value,
                "needs_root": self.needs_root,
                "forks_freely": self.forks_freely,
                "sees_processes": self.sees_processes,
                "run": [list(variant.words) for variant in self.variants],
                "parameters": [_parameter_form(parameter) for parameter in self.parameters],
                "limits": _limits_form(self.limits),
                "writable": list(self.writable),
                "environment": dict(self.environment),
                "success": list(self.success),
            }
        )

    @property
    def sha256(self) -> str:
        """The hash of the canonical form, in hex."""
        return canonical_sha256(dict(self.canonical_form()))


def _parameter_form(parameter: Parameter) -> dict[str, Any]:
    return {
        "name": parameter.name,
        "type": parameter.kind.value,
        "text": parameter.text,
        "optional": parameter.is_optional,
        "default": parameter.default,
        "list": parameter.is_list,
        "most": parameter.most,
        "pattern": parameter.pattern,
        "longest": parameter.longest,
        "lines": parameter.has_lines,
        "low": parameter.low,
        "high": parameter.high,
        "choices": list(parameter.choices),
        "word": parameter.word,
        "roots": list(parameter.roots),
        "into": parameter.into,
    }


def _limits_form(limits: Limits) -> dict[str, Any]:
    return {
        "timeout_seconds": limits.timeout_seconds,
        "output_bytes": limits.output_bytes,
        "memory_bytes": limits.memory_bytes,
        "cpu_seconds": limits.cpu_seconds,
        "pids": limits.pids,
        "open_files": limits.open_files,
        "file_bytes": limits.file_bytes,
        "overflow": limits.overflow.value,
    }

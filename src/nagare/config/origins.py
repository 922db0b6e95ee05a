"""Where a setting's value came from, so that a person can find the line to change. It reads nothing itself."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path


class OriginKind(StrEnum):
    """The sources in words, strongest first."""

    FLAG = "flag"
    ENVIRONMENT = "environment"
    FILE = "file"
    DEFAULT = "default"


@dataclass(frozen=True, slots=True)
class Origin:
    """One value's source: ``name`` is the flag, the variable or the file; ``line`` counts from 1 where known."""

    kind: OriginKind
    name: str = ""
    line: int | None = None

    def __str__(self) -> str:
        """Say it as error texts and ``nagare config show --origin`` do."""
        match self.kind:
            case OriginKind.FLAG:
                return f"flag {self.name}"
            case OriginKind.ENVIRONMENT:
                return f"environment {self.name}"
            case OriginKind.FILE:
                return self.name if self.line is None else f"{self.name} line {self.line}"
            case OriginKind.DEFAULT:
                return "default"


DEFAULT = Origin(OriginKind.DEFAULT)


def flag_name(key: str) -> str:
    """Return the option that sets ``key`` (``server.listen`` is ``--listen``)."""
    return "--" + key.rpartition(".")[2].replace("_", "-")


def variable_name(key: str) -> str:
    """Return the environment variable that sets ``key`` (``server.listen`` is ``NAGARE_SERVER__LISTEN``)."""
    return "NAGARE_" + key.replace(".", "__").upper()


def flag_origin(key: str) -> Origin:
    """Return the origin of a value that the user typed."""
    return Origin(OriginKind.FLAG, flag_name(key))


def file_origin(file: Path, line: int | None) -> Origin:
    """Return the origin of a value in ``file``."""
    return Origin(OriginKind.FILE, str(file), line)

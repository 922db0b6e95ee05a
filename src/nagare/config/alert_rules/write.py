"""Rules as the text of a rule file, which the reader of rule files reads as the same rules."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from nagare.config.show import format_toml

_TABLES = ("labels", "annotations")


def rules_toml(definitions: Iterable[Mapping[str, Any]]) -> str:
    """Return ``definitions``, each what ``model.alert.written`` returns, as TOML."""
    return "\n".join("\n".join(_lines(one)) + "\n" for one in definitions)


def _lines(definition: Mapping[str, Any]) -> list[str]:
    lines = ["[[rule]]"]
    for key, value in definition.items():
        if key in _TABLES:
            lines += [f"{key}.{name} = {format_toml(text)}" for name, text in value.items()]
        elif key == "sql" and "\n" in value:
            lines.append(f'sql = """\n{_several_lines(value)}"""')
        else:
            lines.append(f"{key} = {format_toml(value)}")
    return lines


def _several_lines(text: str) -> str:
    # The escapes of one line, but for the breaks between lines: three quotes in a row cannot come of them.
    return "\n".join(format_toml(line)[1:-1] for line in text.split("\n"))

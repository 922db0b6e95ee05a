"""Reads the plain types of our options without the validation library that typer would load for the first of them.

That library costs 50 ms at each command and 12 MB in each process, and the agent lives on every host. Should typer
change inside, its own way takes over: nothing here is needed, only cheaper.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import typer

HELP_NAMES = ("--help", "-h")


class PlainValue:
    """Turns the text of one option into its type; the shape of typer's own coercions."""

    def __init__(self, read: Callable[[str], Any], *, is_list: bool) -> None:
        """Read with ``read``, each element of a list alone."""
        self._read = read
        self._is_list = is_list

    def coerce(self, value: Any, param: Any, ctx: Any) -> Any:
        """Return ``value`` as the option's type. Raises BadParameter."""
        if value is None:
            return () if self._is_list else None
        if self._is_list:
            return [self._one(part, param, ctx) for part in value]
        return self._one(value, param, ctx)

    def _one(self, value: Any, param: Any, ctx: Any) -> Any:
        try:
            read = self._read(value)
        except ValueError:
            raise typer.BadParameter(f"{value!r} is not a valid {self._read.__name__}", ctx, param) from None
        low, high = getattr(param, "min", None), getattr(param, "max", None)
        if isinstance(read, int) and ((low is not None and read < low) or (high is not None and read > high)):
            span = f"at least {low}" if high is None else f"{low} to {high}"
            raise typer.BadParameter(f"{read} is not in range: {span}", ctx, param)
        return read


_READERS: Mapping[Any, tuple[Callable[[Any], Any], bool]] = {
    str: (str, False),
    int: (int, False),
    bool: (bool, False),
    Path: (Path, False),
    list[str]: (str, True),
}


def make_light(command: Any) -> None:
    """Let every option of ``command`` that has a plain type be read here; the others stay as they are."""
    # The help option is made when first asked for, and kept.
    asked = SimpleNamespace(help_option_names=HELP_NAMES)
    for param in [*command.params, command.get_help_option(asked)]:
        found = _READERS.get(getattr(getattr(param, "type_descriptor", None), "annotation", None))
        if found is not None:
            param._runtime_param = PlainValue(found[0], is_list=found[1])  # noqa: SLF001  typer offers no other door

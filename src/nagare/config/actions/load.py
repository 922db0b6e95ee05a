"""Reads the actions that are shipped, and the user's own from a folder; every fault is told with file, line and field.

A server and a host read the same files by the same rules. Blocking, and small.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import cache, lru_cache
from importlib.resources import files
from pathlib import Path

from nagare.config.files import ConfigFile, parse_bytes, parse_toml, read_bytes
from nagare.errors import ConfigError, InputError
from nagare.model.command.action import Action
from nagare.model.command.definition import parse_action

_SUFFIX = ".toml"
_SHIPPED = "shipped"
# Below this a folder of actions is somebody's home by mistake.
_OWN_LIMIT = 500


def load_actions(folder: Path | None = None, read: Callable[[Path], bytes] = read_bytes) -> dict[str, Action]:
    """Return all actions by name: the shipped ones and those in ``folder``. Raises ConfigError that names every fault.

    An own action must not have the name of a shipped one: what that name means is the same on every host. A host passes
    ``read_trusted_bytes``, for what stands in these files is what it runs.
    """
    actions = shipped_actions()
    for path in own_files(folder) if folder else ():
        action = _own_action(path, read(path))
        if action.name in actions:
            raise ConfigError(
                f"cannot use action {action.name} of {path}: there is one of that name already",
                hint="give it another name, such as site.restart",
            )
        actions[action.name] = action
    return dict(sorted(actions.items()))


def shipped_actions() -> dict[str, Action]:
    """Return the actions that come with the package, also where that is a zip."""
    return dict(_read_shipped())


@cache
def _read_shipped() -> Mapping[str, Action]:
    # They are the same for as long as this process runs, and a host asks for them with every command.
    actions = {}
    for entry in files("nagare.config.actions").joinpath(_SHIPPED).iterdir():
        if entry.name.endswith(_SUFFIX):
            file = parse_toml(Path(_SHIPPED, entry.name), entry.read_text(encoding="utf-8"))
            action = read_action(file)
            actions[action.name] = action
    return actions


@lru_cache(maxsize=_OWN_LIMIT)
def _own_action(path: Path, content: bytes) -> Action:
    # A host reads its files for every command, and they seldom change: what a content means is found out once.
    return read_action(parse_bytes(path, content))


def own_files(folder: Path) -> Sequence[Path]:
    """Return the action files in ``folder``, in order. Raises ConfigError."""
    try:
        found = sorted(path for path in folder.iterdir() if path.suffix == _SUFFIX)
    except OSError as error:
        raise ConfigError(
            f"cannot read folder of actions {folder}: {(error.strerror or str(error)).lower()}",
            hint="make it, or leave commands.actions unset",
        ) from error
    if len(found) > _OWN_LIMIT:
        raise ConfigError(f"cannot use folder of actions {folder}: {len(found)} files, {_OWN_LIMIT} at the most")
    return found


def read_action(file: ConfigFile) -> Action:
    """Return the action that ``file`` defines, which must have its name. Raises ConfigError."""
    try:
        action = parse_action(file.tables)
    except InputError as error:
        raise ConfigError(
            f"cannot use action file {file.path}: {'; '.join(_told(file, fault) for fault in error.errors)}",
            hint="the fields of action files stand in docs/reference/actions.md",
        ) from error
    if file.path.stem != action.name:
        raise ConfigError(
            f"cannot use action file {file.path}: it defines {action.name}",
            hint=f"call the file {action.name}{_SUFFIX}",
        )
    return action


def _told(file: ConfigFile, fault: Mapping[str, str]) -> str:
    key = fault["pointer"].removeprefix("#/").replace("/", ".")
    line = file.line_of(key)
    return f"line {line}: {key} {fault['detail']}" if line else f"{key} {fault['detail']}"

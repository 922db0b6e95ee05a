"""Builds the one frozen Settings and remembers where each value came from: the only reader of the environment.

Strongest first: a flag typed by the user, ``NAGARE_SECTION__KEY`` (``NAGARE_DATA`` for the directory), the file given
by ``--config`` or else the nearest ``nagare.toml``, the user's file, the system's file, the default. Values are taken
key by key; a list or a table of a stronger source replaces that of a weaker one whole.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import MappingProxyType
from typing import Any

from nagare.config.coerce import BadValueError, Manner, coerce
from nagare.config.diagnosis import check_diagnosis
from nagare.config.fields import Field, all_fields, sections, top_level
from nagare.config.files import (
    SYSTEM_FILE,
    ConfigFile,
    find_nearest_file,
    is_there,
    read_file,
    user_file,
    working_directory,
)
from nagare.config.origins import DEFAULT, Origin, OriginKind, file_origin, flag_origin, variable_name
from nagare.config.rules import check, check_bus, check_oidc
from nagare.config.settings import Settings
from nagare.errors import ConfigError
from nagare.lib.nearest import did_you_mean

PREFIX = "NAGARE_"


@dataclass(frozen=True, slots=True)
class Loaded:
    """The settings, the origin of each dotted key, and the files that were read, strongest first.

    ``closed`` are files that this user may not read: the system's may be private to a service.
    """

    settings: Settings
    origins: Mapping[str, Origin]
    files: tuple[Path, ...] = ()
    closed: tuple[Path, ...] = ()


@dataclass(frozen=True, slots=True)
class Sources:
    """Where the loader looks; a test gives its own."""

    environment: Mapping[str, str] = field(default_factory=lambda: os.environ)
    directory: Path = field(default_factory=working_directory)
    user_file: Path | None = field(default_factory=user_file)
    system_file: Path | None = SYSTEM_FILE
    data: Path | None = None

    def data_default(self) -> Path:
        """Return the platform's user data directory, unless a test chose another."""
        if self.data is not None:
            return self.data
        import platformdirs  # noqa: PLC0415  a command given --data and --config does not pay for it

        return platformdirs.user_data_path("nagare")


@dataclass(frozen=True, slots=True)
class _Given:
    """One value as found, not yet read."""

    value: Any
    origin: Origin
    manner: Manner


def load_settings(flags: Mapping[str, Any], sources: Sources | None = None) -> Loaded:
    """Return the settings; ``flags`` holds what the user typed by dotted key, and ``config`` the file to read.

    None means "not typed". Raises ConfigError that names the source, the key and the nearest known key.
    """
    sources = sources or Sources()
    typed = {key: value for key, value in flags.items() if value is not None}
    config_file = typed.pop("config", None)
    given: dict[str, _Given] = {}
    for key, value in _from_flags(typed, sources):
        given.setdefault(key, value)
    for key, value in _from_environment(sources):
        given.setdefault(key, value)
    closed = tuple(path for path in (sources.system_file,) if path is not None and _is_closed(path))
    files = tuple(_files(config_file, sources, closed))
    for file in files:
        for key, value in _from_file(file):
            given.setdefault(key, value)
    built = _build(given, sources)
    return replace(built, files=tuple(file.path for file in files), closed=closed)


def _build(given: Mapping[str, _Given], sources: Sources) -> Loaded:
    values = {key: _read(all_fields()[key], found) for key, found in given.items()}
    values.setdefault("data", sources.data_default())
    origins = {key: given[key].origin if key in given else DEFAULT for key in all_fields()}
    built = {name: kind(**_below(name, values)) for name, kind in sections().items()}
    above = {key: values[key] for key in top_level() if key in values}
    settings = Settings(data=values["data"], **above, **built)
    faults = {
        "oidc": check_oidc(settings.oidc),
        "bus": check_bus(settings.bus),
        "diagnosis": check_diagnosis(settings.diagnosis),
    }
    for section, fault in faults.items():
        if fault:
            raise ConfigError(
                f"cannot use section [{section}]: {fault}", hint="nagare config show --origin tells what is set where"
            )
    return Loaded(settings, MappingProxyType(origins))


def _below(section: str, values: Mapping[str, Any]) -> dict[str, Any]:
    prefix = f"{section}."
    return {key.removeprefix(prefix): value for key, value in values.items() if key.startswith(prefix)}


def _read(field_: Field, found: _Given) -> Any:
    try:
        return check(field_.key, coerce(field_, found.value, found.manner))
    except BadValueError as error:
        dot = "" if error.key.startswith("[") or not error.key else "."
        raise ConfigError(
            f"cannot use setting {field_.key}{dot}{error.key} from {found.origin}: {error.reason}",
            hint=error.hint or f"{field_.key} is {field_.text}",
            context={"key": field_.key, "origin": str(found.origin)},
        ) from None


def _from_flags(flags: Mapping[str, Any], sources: Sources) -> Iterator[tuple[str, _Given]]:
    for key, value in flags.items():
        if key not in all_fields():
            raise _unknown(key, flag_origin(key))
        yield key, _Given(value, flag_origin(key), Manner(is_text=True, base=sources.directory))


def _from_environment(sources: Sources) -> Iterator[tuple[str, _Given]]:
    by_name = {variable_name(key): key for key in all_fields()}
    for name, value in sources.environment.items():
        # Without the double underscore only what stands in no section is ours; other programs may use the prefix.
        if not name.startswith(PREFIX) or (name not in by_name and "__" not in name):
            continue
        origin = Origin(OriginKind.ENVIRONMENT, name)
        if name not in by_name:
            raise ConfigError(
                f"cannot use environment variable {name}: there is no such setting", hint=did_you_mean(name, by_name)
            )
        yield by_name[name], _Given(value, origin, Manner(is_text=True, base=sources.directory))


def _is_closed(path: Path) -> bool:
    # Also true below a directory that is closed: nothing can be told of what stands there.
    try:
        path.stat()
    except PermissionError:
        return True
    except OSError:
        return False
    return not os.access(path, os.R_OK)


def _files(config_file: Any, sources: Sources, closed: tuple[Path, ...]) -> Iterator[ConfigFile]:
    seen = {path.resolve() for path in closed}
    for path in _paths(config_file, sources):
        resolved = path.resolve()
        if resolved not in seen:
            seen.add(resolved)
            yield read_file(path)


def _paths(config_file: Any, sources: Sources) -> Iterator[Path]:
    if config_file is not None:
        yield sources.directory / Path(config_file).expanduser()
    else:
        nearest = find_nearest_file(sources.directory)
        if nearest is not None:
            yield nearest
    for path in (sources.user_file, sources.system_file):
        if path is not None and is_there(path):
            yield path


def _from_file(file: ConfigFile) -> Iterator[tuple[str, _Given]]:
    for key, value in file.tables.items():
        if key == "data" or key in top_level():
            yield key, _given(file, key, value)
        elif key not in sections():
            raise _unknown(key, file_origin(file.path, file.line_of(key)))
        elif not isinstance(value, Mapping):
            raise ConfigError(
                f"cannot use setting {key} from {file_origin(file.path, file.line_of(key))}: it must be a table",
                hint=f"write [{key}] above its settings",
            )
        else:
            yield from _from_table(file, key, value)


def _from_table(file: ConfigFile, section: str, table: Mapping[str, Any]) -> Iterator[tuple[str, _Given]]:
    for name, value in table.items():
        key = f"{section}.{name}"
        if key not in all_fields():
            raise _unknown(key, file_origin(file.path, file.line_of(key)))
        yield key, _given(file, key, value)


def _given(file: ConfigFile, key: str, value: Any) -> _Given:
    origin = file_origin(file.path, file.line_of(key))
    return _Given(value, origin, Manner(is_text=False, base=file.path.absolute().parent))


def _unknown(key: str, origin: Origin) -> ConfigError:
    return ConfigError(
        f"cannot use setting {key} from {origin}: there is no such setting",
        hint=_nearest_key(key) or "`nagare config show` lists all of them",
        context={"key": key, "origin": str(origin)},
    )


def _nearest_key(key: str) -> str:
    section, _, name = key.rpartition(".")
    names = [field_.name for field_ in all_fields().values() if field_.section == section]
    if section in sections() and (near := did_you_mean(name, names)):
        return near
    outside = [known for known, field_ in all_fields().items() if field_.name == name]
    if outside and section not in sections():
        return f"did you mean {' or '.join(map(repr, outside))}?"
    # A section's name mistyped, most likely.
    return did_you_mean(key, [*sections(), *all_fields()])

"""Precedence as a law: whatever the sources hold, the strongest that names a key wins."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nagare.config.load import Sources, load_settings
from nagare.config.origins import OriginKind

# Keys of different types; values are told apart by their source.
KEYS = ("server.listen", "query.threads", "storage.flush_seconds", "server.insecure", "agent.labels", "data")
STRENGTH = ("flag", "environment", "given", "user", "system")


def _value(key: str, source: str) -> Any:
    number = STRENGTH.index(source) + 1
    return {
        "server.listen": f"127.0.0.1:{number}",
        "query.threads": number,
        "storage.flush_seconds": float(number),
        "server.insecure": bool(number % 2),
        "agent.labels": {"from": source},
        "data": f"/somewhere/{source}",
    }[key]


def _text(value: Any) -> str:
    if isinstance(value, dict):
        return ",".join(f"{key}={part}" for key, part in value.items())
    return str(value).lower() if isinstance(value, bool) else str(value)


def _toml(keys: set[str], source: str) -> str:
    lines = []
    for key in sorted(keys):
        value = _value(key, source)
        written = (
            "{from = '" + source + "'}"
            if isinstance(value, dict)
            else _text(value) if isinstance(value, (bool, int, float)) else f"'{value}'"
        )  # fmt: skip
        lines.append(f"{key} = {written}")
    # Dotted keys belong to the top table, so that any order is lawful.
    return "\n".join(lines) + "\n"


@given(choice=st.fixed_dictionaries({source: st.sets(st.sampled_from(KEYS)) for source in STRENGTH}))
def test_the_strongest_source_wins(choice: Mapping[str, set[str]], tmp_path_factory: pytest.TempPathFactory) -> None:
    root = tmp_path_factory.mktemp("precedence")
    files = {source: root / f"{source}.toml" for source in ("given", "user", "system")}
    for source, file in files.items():
        file.write_text(_toml(choice[source], source))
    environment = {
        "NAGARE_" + key.upper().replace(".", "__"): _text(_value(key, "environment")) for key in choice["environment"]
    }
    flags: dict[str, Any] = {key: _text(_value(key, "flag")) for key in choice["flag"]}
    sources = Sources(environment, root, files["user"], files["system"], data=root / "default")
    loaded = load_settings({**flags, "config": str(files["given"])}, sources)
    for key in KEYS:
        winner = next((source for source in STRENGTH if key in choice[source]), None)
        found = _found(loaded.settings, key)
        origin = loaded.origins[key]
        if winner is None:
            assert origin.kind is OriginKind.DEFAULT
            continue
        expected = _value(key, winner)
        assert found == (Path(expected) if key == "data" else expected)
        assert origin.kind.value == (winner if winner in ("flag", "environment") else "file")
        if origin.kind is OriginKind.FILE:
            assert origin.name == str(files[winner])


def _found(settings: Any, key: str) -> Any:
    for part in key.split("."):
        settings = getattr(settings, part)
    return settings

"""The loader: precedence, types, origins, and errors that name where to look."""

import json
import os
from collections.abc import Mapping
from dataclasses import FrozenInstanceError
from pathlib import Path
from typing import Any

import pytest

from nagare.config.fields import all_fields
from nagare.config.load import Loaded, Sources, load_settings
from nagare.config.settings import ProbeTarget
from nagare.errors import ConfigError


class Place:
    """A directory with the files that a loader may find."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.work = root / "work" / "deep"
        self.work.mkdir(parents=True)
        self.user = root / "user.toml"
        self.system = root / "system.toml"
        self.environment: dict[str, str] = {}

    def write(self, path: Path, text: str) -> Path:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        return path

    def load(self, flags: Mapping[str, Any] | None = None) -> Loaded:
        sources = Sources(
            environment=self.environment,
            directory=self.work,
            user_file=self.user,
            system_file=self.system,
            data=self.root / "default-data",
        )
        return load_settings(flags or {}, sources)


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path)


def test_without_any_source_everything_is_the_default(place: Place) -> None:
    loaded = place.load()
    assert loaded.settings.data == place.root / "default-data"
    assert loaded.settings.server.listen == "127.0.0.1:8750"
    assert {str(origin) for origin in loaded.origins.values()} == {"default"}
    assert set(loaded.origins) == set(all_fields())
    assert loaded.files == ()


def test_settings_cannot_be_changed(place: Place) -> None:
    settings = place.load().settings
    with pytest.raises(FrozenInstanceError):
        settings.server.listen = "x"  # type: ignore[misc]
    with pytest.raises(TypeError):
        settings.agent.labels["a"] = "b"  # type: ignore[index]


def test_the_nearest_file_is_found_above(place: Place) -> None:
    place.write(place.work.parent / "nagare.toml", "[server]\nlisten = '127.0.0.1:1'\n")
    place.write(place.root / "nagare.toml", "[server]\nlisten = '127.0.0.1:2'\n")
    loaded = place.load()
    assert loaded.settings.server.listen == "127.0.0.1:1"
    assert str(loaded.origins["server.listen"]) == f"{place.work.parent / 'nagare.toml'} line 2"


def test_a_file_given_replaces_the_nearest_but_not_the_user_s(place: Place) -> None:
    place.write(place.work / "nagare.toml", "[query]\nthreads = 3\nrow_limit = 3\n")
    place.write(place.user, "[query]\nrow_limit = 5\n")
    given = place.write(place.root / "given.toml", "[query]\nconcurrency = 7\n")
    loaded = place.load({"config": str(given)})
    query = loaded.settings.query
    assert (query.threads, query.row_limit, query.concurrency) == (2, 5, 7)
    assert loaded.files == (given, place.user)


def test_relative_paths_start_where_they_were_written(place: Place) -> None:
    given = place.write(place.root / "conf" / "given.toml", "data = 'files'\n[client]\ntoken_file = 'a/token'\n")
    assert place.load({"config": str(given)}).settings.data == place.root / "conf" / "files"
    assert place.load({"config": str(given)}).settings.client.token_file == place.root / "conf" / "a" / "token"
    assert place.load({"data": "typed"}).settings.data == place.work / "typed"


@pytest.mark.parametrize(
    ("key", "text", "expected"),
    [
        ("storage.flush_seconds", "30s", 30.0),
        ("storage.flush_seconds", "1h30m", 5400.0),
        ("storage.flush_seconds", "12.5", 12.5),
        ("server.body_limit_bytes", "8MiB", 8 * 2**20),
        ("server.body_limit_bytes", "8M", 8 * 2**20),
        ("server.body_limit_bytes", "8MB", 8_000_000),
        ("server.body_limit_bytes", "4096", 4096),
        ("server.insecure", "yes", True),
        ("server.insecure", "OFF", False),
        ("server.allowed_hosts", "a.example, b.example,", ("a.example", "b.example")),
        ("agent.labels", "role=db,rack=7", {"role": "db", "rack": "7"}),
        ("agent.intervals", "smart=1h,cpu=2", {"smart": 3600.0, "cpu": 2.0}),
        ("agent.probes", '[{"target":"192.0.2.1","kind":"tcp","timeout_seconds":"500ms"}]',
         (ProbeTarget(target="192.0.2.1", kind="tcp", timeout_seconds=0.5),)),
        ("agent.token_file", "", None),
        ("top.theme", "nagare-light", "nagare-light"),
        ("query.threads", "4", 4),
    ],
)  # fmt: skip
def test_text_is_read_as_the_setting_s_type(place: Place, key: str, text: str, expected: object) -> None:
    place.environment["NAGARE_" + key.upper().replace(".", "__")] = text
    loaded = place.load()
    section, _, name = key.partition(".")
    assert getattr(getattr(loaded.settings, section), name) == expected
    assert str(loaded.origins[key]).startswith("environment NAGARE_")


def test_toml_keeps_its_types(place: Place) -> None:
    place.write(
        place.work / "nagare.toml",
        """
        [server]
        insecure = true
        body_limit_bytes = "1MiB"
        [storage]
        flush_seconds = 60
        [agent]
        intervals = { smart = "1h" }
        [[agent.probes]]
        target = "198.51.100.1"
        [[agent.probes]]
        target = "host.example"
        kind = "dns"
        """,
    )
    settings = place.load().settings
    assert settings.server.body_limit_bytes == 2**20
    assert settings.server.insecure is True
    assert settings.storage.flush_seconds == 60.0
    assert isinstance(settings.storage.flush_seconds, float)
    assert [probe.kind for probe in settings.agent.probes] == ["icmp", "dns"]
    assert settings.agent.intervals == {"smart": 3600.0}


def _refused(place: Place, flags: Mapping[str, Any] | None = None) -> ConfigError:
    with pytest.raises(ConfigError) as caught:
        place.load(flags)
    return caught.value


@pytest.mark.parametrize(
    ("text", "said", "hint"),
    [
        ("[server]\nlisten = '127.0.0.1:1'\nlisen = 2\n", "server.lisen from {file} line 3: there is no such", "'listen'"),
        ("[servr]\nlisten = 'x'\n", "servr from {file} line 1: there is no such setting", "'server'"),
        ("listen = 'x'\n", "listen from {file} line 1: there is no such setting", "'server.listen'"),
        ("server = 5\n", "server from {file} line 1: it must be a table", "[server]"),
        ("[query]\nthreads = 'four'\n", "query.threads from {file} line 2: expected a whole number, got 'four'", ""),
        ("[query]\nthreads = true\n", "query.threads from {file} line 2: expected a whole number, got True", ""),
        ("[query]\nthreads = 0\n", "query.threads from {file} line 2: 0 is below the least, 1", ""),
        ("[query]\nthreads = 1e3\n", "expected a whole number, got 1000.0", ""),
        ("[query]\ndeadline_seconds = inf\n", "expected a finite number", ""),
        ("[query]\ndeadline_seconds = 9999\n", "9999 is above the most, 3600 seconds", ""),
        ("[query]\ndeadline_seconds = '5 parsecs'\n", "expected seconds or a duration", "30s"),
        ("[server]\nbody_limit_bytes = '5 parsecs'\n", "not a size", "256MiB"),
        ("[server]\nbody_limit_bytes = '9999999999999999999999P'\n", "larger than any machine", ""),
        ("[server]\ninsecure = 'maybe'\n", "expected true or false, got 'maybe'", ""),
        ("[server]\nallowed_hosts = 'a'\n", "expected a list of texts, got 'a'", ""),
        ("[top]\ntheme = 'nagare-drak'\n", "'nagare-drak' is none of auto, nagare-dark, nagare-light, nagare-contrast, nagare-16", "'nagare-dark'"),
        ("[agent]\nlabels = { rack = 7 }\n", "agent.labels.rack from {file} line 2: expected a text, got 7", ""),
        ("[agent]\nlabels = 5\n", "expected a table of keys and values", ""),
        ("[agent]\nintervals = { cpu = 0.01 }\n", "agent.intervals.cpu from {file} line 2: 0.01 is below the least", ""),
        ("[[agent.probes]]\ntarget = 'a'\nknd = 'tcp'\n", "agent.probes[0].knd from {file} line 1: unknown key", "'kind'"),
        ("[[agent.probes]]\nkind = 'tcpp'\n", "agent.probes[0].kind", "'tcp'"),
        ("[agent]\nprobes = [5]\n", "agent.probes[0] from {file} line 2: expected a table, got 5", ""),
        ("[agent]\nprobes = 'x'\n", "expected a list of tables", ""),
        ("[agent]\nproc = 5\n", "expected a path", ""),
        ('[agent]\nname = "a\\u0000b"\n', "NUL", ""),
        ("[server]\nlisten = 'nowhere'\n", "server.listen from {file} line 2: not HOST:PORT", ""),
        ("[server]\nlisten = '127.0.0.1:99999'\n", "not HOST:PORT", ""),
        ("[client]\nserver = 'ftp://x'\n", "client.server from {file} line 2: not an http or https URL", ""),
        ("[client]\nserver = 'http://me:secret@x'\n", "it carries a user or a password", ""),
        ("[agent]\nserver = 'http://['\n", "agent.server from {file} line 2: not a URL", ""),
        ("[agent]\nname = '../x'\n", "agent.name from {file} line 2: letters, digits", ""),
        ("[agent]\nserver_pin = 'abc'\n", "agent.server_pin from {file} line 2: not a SHA-256", ""),
        ("data = 5\n", "data from {file} line 1: expected a path", ""),
        ("[server\nlisten = 1\n", "cannot read configuration {file}: ", ""),
    ],
)  # fmt: skip
def test_a_bad_file_says_where_and_what(place: Place, text: str, said: str, hint: str) -> None:
    file = place.write(place.work / "nagare.toml", text)
    error = _refused(place)
    assert said.format(file=file) in error.message
    assert hint in error.hint


def test_a_bad_variable_says_its_name(place: Place) -> None:
    place.environment["NAGARE_QUERY__THREADS"] = "many"
    assert "query.threads from environment NAGARE_QUERY__THREADS: expected" in _refused(place).message
    place.environment = {"NAGARE_SERVER__LISEN": "x"}
    error = _refused(place)
    assert "environment variable NAGARE_SERVER__LISEN: there is no such setting" in error.message
    assert "NAGARE_SERVER__LISTEN" in error.hint


def test_a_variable_without_a_section_is_somebody_else_s(place: Place) -> None:
    place.environment["NAGARE_ROOT"] = "x"
    place.environment["NAGARE_DATA"] = str(place.root / "named")
    assert place.load().settings.data == place.root / "named"


def test_a_bad_flag_says_its_option(place: Place) -> None:
    assert "server.insecure from flag --insecure" in _refused(place, {"server.insecure": "perhaps"}).message
    assert _refused(place, {"server.listn": "x"}).hint == "did you mean 'listen'?"


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("agent.labels", "role"), ("agent.labels", "=db"), ("agent.probes", "{}"), ("agent.probes", "[[[["),
        ("query.threads", "9" * 400), ("storage.flush_seconds", "nan"), ("storage.flush_seconds", "1e999"),
        ("data", ""), ("data", "~no-such-user-here/x"),
    ],
)  # fmt: skip
def test_strange_text_is_refused_and_nothing_else_happens(place: Place, name: str, text: str) -> None:
    place.environment["NAGARE_" + name.upper().replace(".", "__")] = text
    assert name in _refused(place).message


def test_a_secret_in_an_address_is_not_repeated(place: Place) -> None:
    place.environment["NAGARE_CLIENT__SERVER"] = "https://me:hunter2@ops.example"
    error = _refused(place)
    assert "hunter2" not in error.message + error.hint + str(error.context)


def test_unreadable_files_say_why(place: Place) -> None:
    missing = place.root / "no.toml"
    assert _refused(place, {"config": str(missing)}).message.endswith("there is no such file")
    assert "directory" in _refused(place, {"config": str(place.root)}).message
    latin = place.root / "latin.toml"
    latin.write_bytes(b"# \xe9\n")
    assert "not UTF-8 at byte 2" in _refused(place, {"config": str(latin)}).message
    huge = place.write(place.root / "huge.toml", "#" * (2**20 + 1))
    assert "larger than 1 MiB" in _refused(place, {"config": str(huge)}).message


def test_a_system_file_of_a_service_does_not_stop_other_users(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    place.write(place.system, "[query]\nthreads = 3\n")
    assert place.load().settings.query.threads == 3
    # Root may read everything, so the answer of the kernel is given here.
    monkeypatch.setattr(os, "access", lambda _path, _mode: False)
    loaded = place.load()
    assert loaded.settings.query.threads == 2
    assert loaded.closed == (place.system,)


def test_a_working_directory_that_is_gone_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    gone = tmp_path / "gone"
    gone.mkdir()
    monkeypatch.chdir(gone)
    gone.rmdir()
    with pytest.raises(ConfigError, match="it was removed"):
        load_settings({})


def test_a_file_found_by_itself_must_not_be_everybody_s(place: Place) -> None:
    file = place.write(place.work / "nagare.toml", "[query]\nthreads = 3\n")
    file.chmod(0o666)
    error = _refused(place)
    assert "every user may write it" in error.message
    assert "chmod" in error.hint
    assert place.load({"config": str(file)}).settings.query.threads == 3


def test_every_setting_round_trips_through_its_variable(place: Place) -> None:
    for key, field in all_fields().items():
        if isinstance(field.default, (bool, int, float, str)) and field.default != "":
            place.environment["NAGARE_" + key.upper().replace(".", "__")] = (
                json.dumps(field.default) if not isinstance(field.default, str) else field.default
            )
    plain = Place(place.root / "plain").load().settings
    again = place.load().settings
    assert again.server == plain.server
    assert again.query == plain.query
    assert again.storage == plain.storage

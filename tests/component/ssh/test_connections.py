"""Shells against a real SSH server: every way to log in, and every way that a host's key can be right or wrong."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import asyncssh
import pytest

from nagare.config.terminal import SshSettings
from nagare.errors import ConfigError, ConnectFailedError, DeadlineExceededError, HostKeyError, UnauthenticatedError
from nagare.ssh.asking import Challenge, NewKey
from nagare.ssh.connection import Connector
from nagare.ssh.host_keys import KnownHosts
from nagare.ssh.patience import Patience
from nagare.ssh.shell import Ending, open_shell
from nagare.ssh.target import Hop, Target, parse_hops
from tests.support.ssh_server import CODE, PASSWORD, Doors, SshServer, ssh_server, write_key


class Person:
    """Answers as it was told to, and remembers what it was asked."""

    def __init__(self, *answers: Sequence[str] | None, trusts: bool = True) -> None:
        self._answers = list(answers)
        self._trusts = trusts
        self.keys: list[NewKey] = []
        self.asked: list[Challenge] = []

    async def trusts(self, key: NewKey) -> bool:
        self.keys.append(key)
        return self._trusts

    async def answers(self, challenge: Challenge) -> Sequence[str] | None:
        self.asked.append(challenge)
        return self._answers.pop(0) if self._answers else None


@pytest.fixture
def settings(tmp_path: Path) -> SshSettings:
    config = tmp_path / "config"
    config.write_text("Host nowhere\n  User nobody\n")
    return SshSettings(user="ops", config_file=config, known_hosts_file=tmp_path / "ssh" / "known_hosts", agent=False)


def _target(server: SshServer, jump: str = "") -> Target:
    return Target("web1", address="127.0.0.1", port=server.port, jump=jump)


async def _greeting(settings: SshSettings, person: Person, target: Target) -> str:
    connection = await Connector(settings, person).connect(target)
    try:
        shell = await open_shell(target.name, connection, 100, 30)
        return (await shell.read()).decode()
    finally:
        await connection.close()


async def test_a_new_host_is_asked_about_once(settings: SshSettings) -> None:
    async with ssh_server(Doors(password=True)) as server:
        first, second = Person([PASSWORD]), Person([PASSWORD])
        assert await _greeting(settings, first, _target(server)) == "ready 100x30 xterm-256color\r\n"
        assert [key.fingerprint for key in first.keys] == [server.host_key.get_fingerprint()]
        assert first.keys[0].host == "web1"
        await _greeting(settings, second, _target(server))
        assert second.keys == []
        assert settings.known_hosts_file is not None
        assert settings.known_hosts_file.stat().st_mode & 0o777 == 0o600
        assert settings.known_hosts_file.read_text().startswith(f"[web1]:{server.port} ssh-ed25519 ")


async def test_a_new_host_that_nobody_vouches_for_is_refused_before_any_password(settings: SshSettings) -> None:
    async with ssh_server(Doors(password=True)) as server:
        person = Person([PASSWORD], trusts=False)
        with pytest.raises(HostKeyError, match="nobody knows its key") as refused:
            await _greeting(settings, person, _target(server))
        assert server.host_key.get_fingerprint() in refused.value.message
        assert person.asked == []
        assert server.doors.tried == []


async def test_a_changed_key_is_refused_with_both_fingerprints_and_the_way_out(settings: SshSettings) -> None:
    async with ssh_server(Doors(password=True)) as server:
        await _greeting(settings, Person([PASSWORD]), _target(server))
        port, old = server.port, server.host_key
    async with ssh_server(Doors(password=True), port=port) as server:
        person = Person([PASSWORD])
        with pytest.raises(HostKeyError, match="its key changed") as refused:
            await _greeting(settings, person, _target(server))
        assert old.get_fingerprint() in refused.value.message
        assert server.host_key.get_fingerprint() in refused.value.message
        assert f"ssh-keygen -R '[web1]:{port}' -f {settings.known_hosts_file}" in refused.value.hint
        assert person.keys == []
        assert server.doors.tried == []


async def test_another_kind_of_key_is_a_change_too(settings: SshSettings) -> None:
    async with ssh_server(Doors(password=True)) as server:
        await _greeting(settings, Person([PASSWORD]), _target(server))
        port = server.port
    key = asyncssh.generate_private_key("ecdsa-sha2-nistp256")
    async with ssh_server(Doors(password=True), port=port, host_key=key) as server:
        with pytest.raises(HostKeyError, match="its key changed"):
            await _greeting(settings, Person([PASSWORD]), _target(server))
        assert server.doors.tried == []


async def test_the_fleets_authority_vouches_for_a_host_and_for_no_other(settings: SshSettings, tmp_path: Path) -> None:
    authority, key = asyncssh.generate_private_key("ssh-ed25519"), asyncssh.generate_private_key("ssh-ed25519")
    file = tmp_path / "authority.pub"
    file.write_bytes(b"@cert-authority * " + authority.export_public_key())
    settings = replace(settings, host_authority_file=file)
    right = authority.generate_host_certificate(key, "web1", principals=["web1"])
    other = authority.generate_host_certificate(key, "web2", principals=["web2"])
    async with ssh_server(Doors(password=True), host_key=key, host_certificate=right) as server:
        person = Person([PASSWORD])
        assert (await _greeting(settings, person, _target(server))).startswith("ready")
        assert person.keys == []
    async with ssh_server(Doors(password=True), host_key=key, host_certificate=other) as server:
        with pytest.raises(HostKeyError, match="no certificate of the authority"):
            await _greeting(settings, Person([PASSWORD]), _target(server))
    async with ssh_server(Doors(password=True), host_key=key) as server:
        with pytest.raises(HostKeyError, match="no certificate of the authority"):
            await _greeting(settings, Person([PASSWORD]), _target(server))


async def test_a_certificate_of_an_authority_that_nobody_named_counts_as_a_bare_key(settings: SshSettings) -> None:
    authority, key = asyncssh.generate_private_key("ssh-ed25519"), asyncssh.generate_private_key("ssh-ed25519")
    certificate = authority.generate_host_certificate(key, "web1", principals=["web1"])
    async with ssh_server(Doors(password=True), host_key=key, host_certificate=certificate) as server:
        person = Person([PASSWORD])
        await _greeting(settings, person, _target(server))
        assert [asked.fingerprint for asked in person.keys] == [key.get_fingerprint()]


async def test_a_wrong_password_may_be_typed_again_twice(settings: SshSettings) -> None:
    async with ssh_server(Doors(password=True)) as server:
        person = Person(["no"], ["no"], [PASSWORD])
        assert (await _greeting(settings, person, _target(server))).startswith("ready")
        assert [asked.text for asked in person.asked] == ["", "wrong, try again", "wrong, try again"]
        assert person.asked[0].prompts[0].text == "Password of ops at web1"
        never = Person(*[["no"]] * 5)
        with pytest.raises(UnauthenticatedError, match="cannot log in to host web1"):
            await _greeting(settings, never, _target(server))
        assert len(never.asked) == 3


async def test_who_types_nothing_is_not_logged_in(settings: SshSettings) -> None:
    async with ssh_server(Doors(password=True)) as server:
        with pytest.raises(UnauthenticatedError):
            await _greeting(settings, Person(None), _target(server))


async def test_a_one_time_code_is_asked_in_the_words_of_the_host_made_harmless(settings: SshSettings) -> None:
    async with ssh_server(Doors(code=True)) as server:
        person = Person([CODE, PASSWORD])
        assert (await _greeting(settings, person, _target(server))).startswith("ready")
        [asked] = person.asked
        # Nothing that the host wrote looks like a question of this end.
        assert asked.title == "host web1 asks"
        assert asked.text.startswith("Two steps: look at your phone")
        assert "\x1b" not in asked.text
        assert [prompt.text for prompt in asked.prompts] == ["(ops@web1) Code: ", "(ops@web1) PIN: "]
        assert [prompt.is_secret for prompt in asked.prompts] == [False, True]


def _with_key(settings: SshSettings, path: Path, more: str = "") -> SshSettings:
    assert settings.config_file is not None
    settings.config_file.write_text(f"Host web1\n  IdentityFile {path}\n{more}")
    return settings


async def test_a_key_of_the_persons_own_configuration(settings: SshSettings, tmp_path: Path) -> None:
    key = asyncssh.generate_private_key("ssh-ed25519")
    settings = _with_key(settings, write_key(tmp_path, key))
    async with ssh_server(Doors(keys=[key.convert_to_public()])) as server:
        person = Person()
        assert (await _greeting(settings, person, _target(server))).startswith("ready")
        assert person.asked == []


async def test_a_key_that_is_closed_is_opened_by_its_passphrase(settings: SshSettings, tmp_path: Path) -> None:
    key = asyncssh.generate_private_key("ssh-rsa", key_size=2048)
    path = tmp_path / "id"
    key.write_private_key(str(path), format_name="pkcs8-pem", passphrase="open sesame")
    key.write_public_key(f"{path}.pub")
    settings = _with_key(settings, path)
    async with ssh_server(Doors(keys=[key.convert_to_public()])) as server:
        person = Person(["open sesame"])
        assert (await _greeting(settings, person, _target(server))).startswith("ready")
        assert person.asked[0].prompts[0].text == f"Passphrase of {path}"


async def test_a_default_key_of_ssh_keygen_is_opened_by_its_passphrase(
    settings: SshSettings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    key, home = asyncssh.generate_private_key("ssh-ed25519"), tmp_path / "home"
    (home / ".ssh").mkdir(parents=True)
    monkeypatch.setenv("HOME", str(home))
    path = home / ".ssh" / "id_ed25519"
    key.write_private_key(str(path), passphrase="open sesame", rounds=50)
    key.write_public_key(f"{path}.pub")
    async with ssh_server(Doors(keys=[key.convert_to_public()])) as server:
        person = Person(["open sesame"])
        assert (await _greeting(settings, person, _target(server))).startswith("ready")
        assert person.asked[0].title == "Passphrase of your own key"
        assert person.asked[0].prompts[0].text == f"Passphrase of {path}"


async def test_a_key_that_the_library_cannot_open_is_a_fault_of_the_configuration(
    settings: SshSettings, tmp_path: Path
) -> None:
    # Without its public part beside it the library hands its own question on in place of the answer.
    path = tmp_path / "id"
    key = asyncssh.generate_private_key("ecdsa-sha2-nistp256")
    key.write_private_key(str(path), format_name="pkcs8-pem", passphrase="open sesame")
    async with ssh_server(Doors(keys=[key.convert_to_public()])) as server:
        with pytest.raises(ConfigError, match="cannot use the keys"):
            await _greeting(_with_key(settings, path), Person(["open sesame"]), _target(server))


async def test_a_certificate_of_a_user(settings: SshSettings, tmp_path: Path) -> None:
    authority, key = asyncssh.generate_private_key("ssh-ed25519"), asyncssh.generate_private_key("ssh-ed25519")
    path = write_key(tmp_path, key)
    authority.generate_user_certificate(key, "ops", principals=["ops"]).write_certificate(f"{path}-cert.pub")
    settings = _with_key(settings, path)
    async with ssh_server(Doors(authority=authority.convert_to_public())) as server:
        assert (await _greeting(settings, Person(), _target(server))).startswith("ready")


async def test_a_host_behind_another_is_reached_through_it_and_both_keys_are_checked(settings: SshSettings) -> None:
    doors = Doors(password=True)
    async with ssh_server(doors) as gate, ssh_server(doors) as inner:
        assert settings.config_file is not None
        settings.config_file.write_text(
            f"Host gate\n  HostName 127.0.0.1\n  Port {gate.port}\nHost web1\n  ProxyJump gate\n"
        )
        person = Person([PASSWORD], [PASSWORD])
        assert (await _greeting(settings, person, _target(inner))).startswith("ready")
        assert [key.host for key in person.keys] == ["127.0.0.1", "web1"]
        assert inner.port in doors.forwarded


async def test_the_persons_own_words_win_over_the_fleets_address(settings: SshSettings) -> None:
    async with ssh_server(Doors(password=True)) as server:
        assert settings.config_file is not None
        settings.config_file.write_text(f"Host web1\n  HostName 127.0.0.1\n  Port {server.port}\n  User own\n")
        person = Person([PASSWORD])
        await _greeting(replace(settings, user=""), person, Target("web1", address="192.0.2.1"))
        assert person.asked[0].prompts[0].text == "Password of own at web1"
        assert person.keys[0].host == "127.0.0.1"


@pytest.mark.parametrize(
    ("flag", "own", "label", "user"),
    [
        ("flag", "own", "label", "flag"),
        ("", "own", "label", "own"),
        ("", "", "label", "label"),
        ("", "", "", "ops"),
    ],
)
async def test_who_logs_in_is_said_by_the_flag_then_the_person_then_the_label_then_the_setting(
    settings: SshSettings, flag: str, own: str, label: str, user: str
) -> None:
    async with ssh_server(Doors(password=True)) as server:
        assert settings.config_file is not None
        settings.config_file.write_text(f"Host web1\n  Port {server.port}\n" + (f"  User {own}\n" if own else ""))
        person = Person([PASSWORD])
        # The port of the label is another one, and gives way too.
        target = Target("web1", address="127.0.0.1", port=1, user=label)
        await (await Connector(settings, person, flag).connect(target)).close()
        assert person.asked[0].prompts[0].text == f"Password of {user} at web1"


@pytest.mark.parametrize(("jump", "user"), [("gate", "own"), ("me@gate", "me")])
async def test_a_host_on_the_way_gets_neither_flag_nor_setting(settings: SshSettings, jump: str, user: str) -> None:
    doors = Doors(password=True)
    async with ssh_server(doors) as gate, ssh_server(doors) as inner:
        assert settings.config_file is not None
        settings.config_file.write_text(f"Host gate\n  HostName 127.0.0.1\n  Port {gate.port}\n  User own\n")
        person = Person([PASSWORD], [PASSWORD])
        await (await Connector(settings, person, "flag").connect(_target(inner, jump))).close()
        assert [asked.prompts[0].text for asked in person.asked] == [
            f"Password of {user} at gate",
            "Password of flag at web1",
        ]


async def test_the_persons_own_word_that_there_is_no_way_to_go_wins(settings: SshSettings) -> None:
    async with ssh_server(Doors(password=True)) as server:
        assert settings.config_file is not None
        settings.config_file.write_text("Host web1\n  ProxyJump none\n")
        assert (await _greeting(settings, Person([PASSWORD]), _target(server, jump="nowhere"))).startswith("ready")


async def test_a_key_that_cannot_be_kept_is_noted_and_the_shell_opens(settings: SshSettings) -> None:
    async with ssh_server(Doors(password=True)) as server:
        settings = replace(settings, known_hosts_file=Path("/proc/nowhere/known_hosts"))
        connector = Connector(settings, Person([PASSWORD]))
        await (await connector.connect(_target(server))).close()
        [told] = connector.notes
        assert "cannot keep the key of host web1" in told


def test_a_port_has_keys_of_its_own_and_the_machines_list_revokes(tmp_path: Path) -> None:
    old, stolen = (asyncssh.generate_private_key("ssh-ed25519") for _ in range(2))
    own, common = tmp_path / "own", tmp_path / "common"
    own.write_bytes(b"web1 " + old.export_public_key() + b"[web1]:23 " + stolen.export_public_key())
    common.write_bytes(b"@revoked [web1]:23 " + stolen.export_public_key())
    book = KnownHosts([own], common=[common])
    assert book.of("web1", 22).keys == [old.convert_to_public()]
    assert book.of("web1", 2222).is_new
    assert book.of("web1", 23).keys == [stolen.convert_to_public()]
    assert book.of("web1", 23).revoked == [stolen.convert_to_public()]
    book.remember("web1", 2222, old)
    assert book.of("web1", 2222).keys == [old.convert_to_public()]
    assert b"2222" not in common.read_bytes()


async def test_a_host_that_is_not_there_is_told_in_words(settings: SshSettings) -> None:
    async with ssh_server(Doors()) as server:
        port = server.port
    with pytest.raises(ConnectFailedError, match="cannot reach host web1"):
        await _greeting(settings, Person(), Target("web1", "127.0.0.1", port))


async def test_a_host_that_says_nothing_ends_by_the_deadline(settings: SshSettings) -> None:
    came: list[asyncio.StreamWriter] = []
    silent = await asyncio.start_server(lambda _, writer: came.append(writer), "127.0.0.1", 0)
    async with silent:
        port = silent.sockets[0].getsockname()[1]
        with pytest.raises(DeadlineExceededError, match="no answer in time"):
            await _greeting(replace(settings, connect_seconds=0.2), Person(), Target("web1", "127.0.0.1", port))
        for writer in came:
            writer.close()


async def test_the_deadline_stands_still_while_somebody_types() -> None:
    patience, typed = Patience(0.01), asyncio.Event()
    async with patience.running("wait"):
        with patience.paused():
            asyncio.get_running_loop().call_later(0.05, typed.set)
            await typed.wait()
    with pytest.raises(DeadlineExceededError, match="cannot wait"):
        async with Patience(0.01).running("wait"):
            await asyncio.Event().wait()


async def test_a_shell_goes_both_ways_and_ends_with_its_status(settings: SshSettings) -> None:
    async with ssh_server(Doors(password=True)) as server:
        connection = await Connector(settings, Person([PASSWORD])).connect(_target(server))
        shell = await open_shell("web1", connection, 80, 24)
        assert await shell.read() == b"ready 80x24 xterm-256color\r\n"
        shell.resize(132, 50)
        assert await shell.read() == b"size 132x50\r\n"
        assert shell.write(b"quit 7\r")
        assert await shell.read() == b"quit 7\r"
        assert await shell.read() == b""
        assert await shell.ended() == Ending(7)
        await shell.close()
        assert not shell.write(b"more")
        shell.resize(80, 24)


async def test_a_status_that_comes_after_the_end_of_the_text_is_not_lost(settings: SshSettings) -> None:
    late = asyncio.Event()

    async def program(process: asyncssh.SSHServerProcess[bytes]) -> None:
        process.stdout.write_eof()
        await late.wait()
        process.exit(5)

    async with ssh_server(Doors(password=True), program=program) as server:
        connection = await Connector(settings, Person([PASSWORD])).connect(_target(server))
        shell = await open_shell("web1", connection, 80, 24)
        assert await shell.read() == b""
        async with asyncio.TaskGroup() as group:
            group.create_task(shell.close())
            late.set()
        assert await shell.ended() == Ending(5)


async def test_a_server_that_dies_is_told_as_a_lost_connection(settings: SshSettings) -> None:
    async with ssh_server(Doors(password=True)) as server:
        connection = await Connector(settings, Person([PASSWORD])).connect(_target(server))
        shell = await open_shell("web1", connection, 80, 24)
        await shell.read()
        server.kill_connections()
        with pytest.raises(ConnectFailedError, match="connection was lost"):
            await shell.read()
        assert (await shell.ended()).is_lost
        await shell.close()


async def test_files_that_cannot_be_read_are_named(settings: SshSettings, tmp_path: Path) -> None:
    async with ssh_server(Doors(password=True)) as server:
        bad = tmp_path / "bad"
        bad.write_text("@nonsense x y\n")
        with pytest.raises(ConfigError, match="cannot read known hosts"):
            await _greeting(replace(settings, known_hosts_file=bad), Person(), _target(server))
        with pytest.raises(ConfigError, match=r"ssh\.host_authority_file"):
            await _greeting(replace(settings, host_authority_file=bad), Person(), _target(server))
        with pytest.raises(ConfigError, match="cannot find the way"):
            await _greeting(settings, Person(), _target(server, jump="gate:x"))


@pytest.mark.parametrize(
    ("jump", "hops"),
    [
        ("", ()),
        ("none", ()),
        ("gate", (Hop("gate"),)),
        ("me@gate:2222, ssh://next", (Hop("gate", 2222, "me"), Hop("next"))),
        ("[fd00::1]:22", (Hop("fd00::1", 22),)),
        ("fd00::1", (Hop("fd00::1"),)),
    ],
)
def test_the_way_is_read_as_openssh_writes_it(jump: str, hops: tuple[Hop, ...]) -> None:
    assert parse_hops(jump) == hops

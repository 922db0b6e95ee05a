"""Which cipher a connection takes: one that costs this process little, unless the person's own configuration names others."""

from dataclasses import replace
from pathlib import Path

import pytest

from nagare.config.terminal import SshSettings
from nagare.ssh.connection import Connector
from nagare.ssh.target import Target
from tests.component.ssh.test_connections import Person
from tests.support.ssh_server import PASSWORD, Doors, ssh_server


@pytest.mark.parametrize(
    ("words", "cipher"),
    [("", "aes256-gcm@openssh.com"), ("Host web1\n  Ciphers aes128-ctr\n", "aes128-ctr")],
)
async def test_the_cipher_of_a_connection(tmp_path: Path, words: str, cipher: str) -> None:
    config = tmp_path / "config"
    config.write_text(words)
    settings = replace(SshSettings(agent=False), user="ops", config_file=config, known_hosts_file=tmp_path / "known")
    async with ssh_server(Doors(password=True)) as server:
        connection = await Connector(settings, Person([PASSWORD])).connect(
            Target("web1", address="127.0.0.1", port=server.port)
        )
        assert connection.top.get_extra_info("recv_cipher") == cipher
        await connection.close()

"""A server over TLS whose hosts are made by the line that `nagare tokens mint` prints."""

import base64
import hashlib
import json
import re
import ssl
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from nagare.config.places import Places
from nagare.lib.der import public_key_of
from tests.support import warm
from tests.support.processes import child_environment, nagare_argv, started, wait_until


@dataclass(frozen=True)
class Site:
    """A server over TLS."""

    data: Path
    url: str

    def nagare(self, *words: str) -> str:
        """Return what a command wrote to stdout."""
        argv = nagare_argv("--data", self.data, *words)
        ended = warm.run(argv, check=False, capture_output=True, env=child_environment(), timeout=60)
        assert ended.returncode == 0, (words, ended.stderr)
        return ended.stdout.decode()

    def mint(self, *words: str) -> str:
        """Return the line to paste."""
        return str(json.loads(self.nagare("tokens", "mint", "-o", "json", *words))["install"])

    def host(self, name: str) -> dict[str, object]:
        """Return what the list says of a host; empty when there is none."""
        hosts = json.loads(self.nagare("hosts", "list", "-o", "json"))
        return next((host for host in hosts if host["name"] == name), {})

    def rows(self, name: str) -> int:
        """Return how many samples of a host are stored."""
        asked = f"select count(*) as n from cpu where host = '{name}'"
        return int(json.loads(self.nagare("query", asked, "-o", "json"))[0]["n"])


@contextmanager
def serving(data: Path, environment: dict[str, str]) -> Iterator[Site]:
    """Run a server over ``data``."""
    argv = nagare_argv("--data", data, "serve", "--listen", "127.0.0.2:0")
    with started(argv, environment=environment) as server:
        wait_until(Places(data).server_note.exists, "the server's note", server)
        yield Site(data, json.loads(Places(data).server_note.read_text())["url"])


def fetched(fetch: str) -> bytes:
    """Return what the fetching part of a line gets, by the same pin."""
    found = re.fullmatch(r"curl -fsSk --pinnedpubkey sha256//(\S+) (https://(\S+):(\d+)/install\.sh)", fetch)
    assert found is not None
    pem = ssl.get_server_certificate((found[3], int(found[4])))
    assert hashlib.sha256(public_key_of(ssl.PEM_cert_to_DER_cert(pem))).digest() == base64.b64decode(found[1])
    context = ssl.create_default_context(cadata=pem)
    context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
    # The one certificate that is believed is that of the pin; for which name it is says nothing more.
    context.check_hostname = False
    with urllib.request.urlopen(found[2], context=context, timeout=120) as answer:
        return bytes(answer.read())

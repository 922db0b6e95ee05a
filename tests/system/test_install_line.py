"""The line that `nagare tokens mint` prints, run by real shells on an empty home: a host joins, sends, is shut out, comes back."""

import base64
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from nagare.client.install_line import install_line
from nagare.config.places import Places
from tests.support.install_site import Site, fetched, serving
from tests.support.processes import child_environment, started, wait_until
from tests.unit.keys.own_authority import TestAuthority, pem, pem_key, write_own

SHELLS = [shell for shell in ("dash", "bash", "sh") if shutil.which(shell)]


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """A server whose own packages make the agent's file."""
    with serving(tmp_path_factory.mktemp("site") / "server", child_environment(NAGARE_SERVER__TLS="always")) as found:
        yield found


def bare(home: Path, name: str) -> dict[str, str]:
    """Return the environment of a machine that has nothing but an interpreter and what the system has."""
    home.mkdir(exist_ok=True)
    tools = home / "bin"
    if not tools.exists():
        tools.mkdir()
        (tools / "python3").symlink_to(os.path.realpath(sys.executable))
    return {
        "HOME": str(home),
        "PATH": f"{tools}:/usr/bin:/bin",
        "NAGARE_AGENT__NAME": name,
        "NAGARE_AGENT__INTERVAL_SECONDS": "0.5",
    }


def pasted(line: str, shell: str, home: Path, *options: str) -> list[str]:
    """Return what runs ``line`` in ``shell``; where there is no curl, the script is fetched here with the same pin."""
    fetch, _, rest = line.partition(" | ")
    token = re.fullmatch(r"NAGARE_JOIN_TOKEN=(\S+) sh", rest)
    assert token is not None
    words = " ".join((shell, "-s", "--", "--user", *options))
    if not shutil.which("curl"):
        home.mkdir(exist_ok=True)
        (home / "install.sh").write_bytes(fetched(fetch))
        fetch = f"cat {home / 'install.sh'}"
    return [shell, "-c", f"{fetch} | NAGARE_JOIN_TOKEN={token[1]} {words}"]


def run(argv: list[str], environment: dict[str, str], status: int = 0) -> str:
    """Return what the line said."""
    ended = subprocess.run(argv, check=False, capture_output=True, env=environment, timeout=180)
    assert ended.returncode == status, (ended.returncode, ended.stdout, ended.stderr)
    return ended.stderr.decode()


@pytest.mark.parametrize("shell", SHELLS)
def test_one_line_makes_a_host_that_sends(site: Site, shell: str, tmp_path: Path) -> None:
    name, home = f"by-{shell}", tmp_path / "home"
    environment, line = bare(home, name), site.mint("--accept")
    secret = line.partition("NAGARE_JOIN_TOKEN=")[2].split(".")[0]
    with started(pasted(line, shell, home, "--foreground"), environment=environment, cwd=tmp_path) as process:
        wait_until(lambda: site.rows(name) > 0, "rows", process)
        assert secret not in process.said()
        assert process.stop() in (0, -15, 143)
    data = home / ".local/share/nagare"
    assert (data / "agent/nagare-agent.pyz").is_file()
    # The token was spent: nothing of it stays.
    assert all(secret.encode() not in path.read_bytes() for path in data.rglob("*") if path.is_file())
    # The same line again: this host has joined, though the token lets nobody in any more.
    run(pasted(line, shell, home), environment)
    said = run(pasted(line, shell, home, "--uninstall"), environment)
    assert "stay in" in said
    assert not (data / "agent").exists()
    assert (data / "spool/identity.json").is_file()
    run(pasted(line, shell, home, "--uninstall", "--purge"), environment)
    assert not data.exists()


def test_who_was_shut_out_comes_back_only_by_an_operators_word(site: Site, tmp_path: Path) -> None:
    home = tmp_path / "home"
    environment = bare(home, "one")
    run(pasted(site.mint("--accept"), "sh", home), environment)
    assert site.host("one")["enrolment"] == "active"
    site.nagare("hosts", "revoke", "one")
    said = run(pasted(site.mint("--accept"), "sh", home), environment, status=6)
    assert "revoked" in said
    assert "has not joined" in said
    assert site.host("one")["enrolment"] == "revoked"


def test_another_machine_of_that_name_is_shown_as_a_conflict(site: Site, tmp_path: Path) -> None:
    first, second = tmp_path / "first", tmp_path / "second"
    environment = bare(first, "twin")
    line = pasted(site.mint("--accept"), "sh", first, "--foreground")
    with started(line, environment=environment, cwd=tmp_path) as process:
        wait_until(lambda: site.rows("twin") > 0, "rows", process)
        said = run(pasted(site.mint("--accept"), "sh", second), bare(second, "twin"), status=7)
    assert "has not joined" in said
    assert site.host("twin")["conflict"]
    assert not (second / ".local/share/nagare/agent/nagare-agent.pyz").exists()


def test_a_certificate_that_the_machine_cannot_verify_is_known_by_its_key(tmp_path: Path) -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    certificate = pem(TestAuthority().issue(key, ("localhost",)))
    own = write_own(tmp_path / "tls", certificate, pem_key(key), None)
    environment = child_environment(
        NAGARE_SERVER__TLS="always",
        NAGARE_SERVER__TLS_CERTIFICATE_FILE=str(own.certificate),
        NAGARE_SERVER__TLS_KEY_FILE=str(own.key),
    )
    with serving(tmp_path / "server", environment) as site:
        assert site.url.startswith("https:")
        run(pasted(site.mint("--accept"), "sh", tmp_path / "home"), bare(tmp_path / "home", "far"))
        assert site.host("far")["enrolment"] == "active"


def test_nothing_runs_that_is_not_what_the_script_names(site: Site, tmp_path: Path) -> None:
    home = tmp_path / "home"
    environment = bare(home, "lied-to")
    line = site.mint()
    script = home / "install.sh"
    fetch = pasted(line, "sh", home)[2].partition(" | ")[0]
    text = subprocess.run(["sh", "-c", fetch], check=True, capture_output=True, timeout=60).stdout.decode()
    token = line.partition("NAGARE_JOIN_TOKEN=")[2].removesuffix(" sh")
    joining = {**environment, "NAGARE_JOIN_TOKEN": token}
    script.write_text(re.sub(r"digest_(\w+)=[0-9a-f]{64}", lambda found: f"digest_{found[1]}={'0' * 64}", text))
    assert "nothing was installed" in run(["sh", str(script), "--user"], joining, status=9)
    # Half a script does nothing, and says that it is none.
    script.write_text(text[: len(text) // 2])
    run(["sh", str(script), "--user"], joining, status=2)
    script.write_text(text)
    assert "NAGARE_JOIN_TOKEN is not set" in run(["sh", str(script), "--user"], environment, status=2)
    assert "no join token" in run(
        ["sh", str(script), "--user"], {**environment, "NAGARE_JOIN_TOKEN": "x.$(id)"}, status=2
    )
    assert not (home / ".local").exists()
    assert not site.host("lied-to")


@pytest.mark.parametrize("shell", SHELLS)
def test_a_script_that_was_cut_off_does_nothing(site: Site, shell: str, tmp_path: Path) -> None:
    home = tmp_path / "home"
    environment = bare(home, "cut")
    fetch = pasted(site.mint(), "sh", home)[2].partition(" | ")[0]
    text = subprocess.run(["sh", "-c", fetch], check=True, capture_output=True, timeout=60).stdout
    tail = len(text.rstrip())
    assert text[tail - 1 :] == b"}\n"
    lines = [end for end, letter in enumerate(text) if letter == ord("\n") and end < tail]
    for end in (*lines[::9], *range(tail - 120, tail)):
        # It would say something of its own, were it only that it is no fit machine.
        argv = [shell, "-s", "--", "--user", "--uninstall"]
        ended = subprocess.run(argv, input=text[:end], check=False, capture_output=True, env=environment, timeout=60)
        assert b"nagare: " not in ended.stderr, (end, ended.stderr)
    argv = [shell, "-s", "--", "--user", "--uninstall"]
    ended = subprocess.run(argv, input=text[:tail], check=False, capture_output=True, env=environment, timeout=60)
    assert b"nagare: the agent is gone" in ended.stderr


def test_a_machine_without_curl_fetches_by_wget(site: Site, tmp_path: Path) -> None:
    home, tools = tmp_path / "home", tmp_path / "tools"
    environment = bare(home, "by-wget")
    fetch, _, rest = site.mint("--accept").partition(" | ")
    script = home / "install.sh"
    script.write_bytes(fetched(fetch))
    tools.mkdir()
    for folder in ("/usr/bin", "/bin"):
        for path in Path(folder).iterdir():
            if path.name != "curl" and not (tools / path.name).exists():
                (tools / path.name).symlink_to(path)
    token = rest.removeprefix("NAGARE_JOIN_TOKEN=").removesuffix(" sh")
    environment = {**environment, "PATH": f"{home / 'bin'}:{tools}", "NAGARE_JOIN_TOKEN": token}
    # By the authority that stands in the script, and by the pin where none does.
    run(["sh", str(script), "--user"], environment)
    assert site.host("by-wget")["enrolment"] == "active"
    unknown = re.sub(r"-----BEGIN.*END CERTIFICATE-----", "", script.read_text(), flags=re.DOTALL)
    script.write_text(unknown)
    run(["sh", str(script), "--user"], environment)
    other = "ngj_x." + base64.urlsafe_b64encode(json.dumps({"url": site.url, "pin": "0" * 64}).encode()).decode()
    assert "cannot fetch" in run(["sh", str(script), "--user"], {**environment, "NAGARE_JOIN_TOKEN": other}, status=3)


def test_what_a_server_keeps_is_not_purged_with_an_agent(site: Site, tmp_path: Path) -> None:
    line = pasted(site.mint(), "sh", tmp_path / "home", "--uninstall", "--purge", "--data", str(site.data))
    assert "a server keeps its data there" in run(line, bare(tmp_path / "home", "own"), status=7)
    assert Places(site.data).token.exists()


def test_a_line_for_a_server_in_clear_is_for_this_machine_only() -> None:
    def token(url: str) -> str:
        return "ngj_x." + base64.urlsafe_b64encode(json.dumps({"url": url, "pin": ""}).encode()).decode().rstrip("=")

    assert install_line(token("http://127.0.0.1:8750")).startswith("curl -fsS http://127.0.0.1:8750/install.sh | ")
    assert install_line(token("https://ops.example.net")).startswith("curl -fsS https://ops.example.net/install.sh | ")
    for address in ("http://ops.example.net", "http://127.0.0.1.example.net", "http://localhost.example.net"):
        assert install_line(token(address)) == ""

"""The line as root where systemd runs: a service of a user of its own, and nothing of root's ways in it."""

import stat
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.install_site import Site, fetched, serving
from tests.support.processes import child_environment, wait_until
from tests.support.rooted import UNIT, Machine, rooted

FILE = "/usr/local/lib/nagare/nagare-agent.pyz"
DATA = "/var/lib/nagare"


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    with serving(tmp_path_factory.mktemp("site") / "server", child_environment(NAGARE_SERVER__TLS="always")) as found:
        yield found


@pytest.fixture
def machine(tmp_path: Path) -> Iterator[Machine]:
    with rooted(tmp_path) as found:
        yield found


class Root:
    """Root's shell on a machine, in a folder that is closed to others."""

    def __init__(self, machine: Machine, site: Site, home: Path) -> None:
        self.machine = machine
        self.site = site
        self.home = home
        home.mkdir(mode=0o700)
        self.script = home / "install.sh"
        self.name = home.parent.name.replace("_", "-")[-30:].strip("-")
        settings = machine.path("/etc/nagare/nagare.toml")
        settings.parent.mkdir()
        settings.write_text(f"[agent]\nname = '{self.name}'\ninterval_seconds = 0.5\n")

    def paste(self, *options: str, status: int = 0, **more: str) -> str:
        """Run the line and return what it said."""
        fetch, _, rest = self.site.mint("--accept").partition(" | ")
        self.script.write_bytes(fetched(fetch))
        token = rest.removeprefix("NAGARE_JOIN_TOKEN=").removesuffix(" sh")
        environment = {"HOME": str(self.home), "NAGARE_JOIN_TOKEN": token, **more}
        ended = self.machine.run(["sh", str(self.script), *options], environment, self.home)
        assert ended.returncode == status, (ended.returncode, ended.stdout, ended.stderr)
        assert token.split(".")[0] not in ended.stdout + ended.stderr
        return ended.stderr


@pytest.fixture
def root(machine: Machine, site: Site, tmp_path: Path) -> Root:
    return Root(machine, site, tmp_path / "root")


def test_root_gets_a_service_that_is_the_host_that_joined(root: Root) -> None:
    machine = root.machine
    # What root's shell has is not what a service sees: one must not join as somebody else than the other is.
    (root.home / "nagare.toml").write_text("[agent]\nname = 'another'\n")
    closed = root.home / "tmp"
    closed.mkdir(mode=0o700)
    said = root.paste(NAGARE_AGENT__NAME="a-third", TMPDIR=str(closed))
    assert "NAGARE_AGENT__NAME is not for a service" in said
    assert "runs as the service" in said
    wait_until(lambda: root.site.rows(root.name) > 0, "rows")
    assert [root.site.host(other) for other in ("another", "a-third")] == [{}, {}]
    assert stat.S_IMODE(machine.path(FILE).stat().st_mode) == 0o644
    assert stat.S_IMODE(machine.path(FILE).parent.stat().st_mode) == 0o755
    assert stat.S_IMODE(machine.path(UNIT).stat().st_mode) == 0o644
    assert stat.S_IMODE(machine.path(DATA).stat().st_mode) == 0o700
    assert "ngj_" not in machine.path(UNIT).read_text()
    assert "enable --quiet nagare-agent" in machine.path("/run/systemctl.log").read_text()
    # Once more: it stays what it is and runs the newest file.
    machine.path("/run/systemctl.log").write_text("")
    assert "runs as the service" in root.paste()
    assert "restart nagare-agent" in machine.path("/run/systemctl.log").read_text()
    assert "stay in" in root.paste("--uninstall")
    assert not machine.path(UNIT).exists()
    assert not machine.path(FILE).parent.exists()
    assert machine.path(f"{DATA}/spool/identity.json").exists()
    root.paste("--uninstall", "--purge")
    assert not machine.path(DATA).exists()


def test_a_data_directory_below_new_folders_is_the_services_own(root: Root) -> None:
    assert "runs as the service" in root.paste("--data", "/var/lib/far/away/")
    assert stat.S_IMODE(root.machine.path("/var/lib/far").stat().st_mode) == 0o755
    assert " --data /var/lib/far/away\n" in root.machine.path(UNIT).read_text()


def test_a_unit_that_somebody_wrote_is_left_alone(root: Root) -> None:
    unit = root.machine.path(UNIT)
    unit.write_text("[Service]\nExecStart=/opt/nagare/.venv/bin/nagare agent\n")
    for options in ((), ("--uninstall",)):
        assert "was not made by this script" in root.paste(*options, status=7)
    assert unit.read_text().startswith("[Service]\n")
    assert not root.machine.path(FILE).exists()


def test_a_machine_whose_pythons_are_all_too_old_is_told_what_it_needs(root: Root) -> None:
    # Whatever interpreter is found says that it will not do.
    old = root.home / "old"
    old.write_text("#!/bin/sh\necho\n")
    old.chmod(0o755)
    pythons = {"/usr/bin/python3", sys.executable} | {
        str(path)
        for folder in ("/usr/bin", "/usr/local/bin")
        for path in Path(folder).glob("python3*")
        if path.name.removeprefix("python3").lstrip(".").isdigit() or path.name == "python3"
    }
    for python in {str(Path(python).resolve()) for python in pythons if Path(python).exists()}:
        root.machine.run(["mount", "--bind", str(old), python], {}, root.home)
    assert "needs CPython 3.11, 3.12, 3.13 or 3.14" in root.paste(status=2)
    assert not root.machine.path(DATA).exists()

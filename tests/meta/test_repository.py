"""What a clone promises before any code runs: locks, changelog, reasons, and no address of a package index."""

import re
import subprocess
import tomllib
from importlib.metadata import PackageNotFoundError, requires

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

from nagare import __version__
from tests.support.source import ROOT

LOCKS = ("requirements.lock", "requirements-dev.lock")
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
# Written apart, so that this file holds none of them.
REGISTRIES = tuple(
    ".".join(parts)
    for parts in [
        ("pypi", "org"), ("pythonhosted", "org"), ("npmjs", "org"), ("yarnpkg", "com"), ("deb", "debian", "org"),
        ("archive", "ubuntu", "com"), ("crates", "io"), ("docker", "io"), ("ghcr", "io"), ("quay", "io"),
    ]
)  # fmt: skip


def _tracked() -> list[str]:
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT, capture_output=True, text=True, check=True,
    )  # fmt: skip
    return [name for name in listed.stdout.splitlines() if (ROOT / name).is_file()]


def _locked(lock: str) -> dict[str, list[Version]]:
    found: dict[str, list[Version]] = {}
    for line in (ROOT / lock).read_text().splitlines():
        if match := re.match(r"([A-Za-z0-9._-]+)(?:\[[^\]]*\])?==([^ ;\\]+)", line):
            found.setdefault(canonicalize_name(match[1]), []).append(Version(match[2]))
    return found


def _wanted(lock: str) -> list[Requirement]:
    extras = PROJECT["optional-dependencies"]
    lines = PROJECT["dependencies"] + extras["build"] + (extras["dev"] if "dev" in lock else [])
    return [Requirement(line) for line in lines]


@pytest.mark.parametrize("lock", LOCKS)
def test_a_lock_names_no_host_and_every_pin_has_a_hash(lock: str) -> None:
    text = (ROOT / lock).read_text()
    assert "://" not in text
    assert not re.search(r"^--|^-[a-z]", text, re.MULTILINE), "a lock holds pins, no options"
    entries = re.split(r"\n(?=\S)", text.strip())
    assert [entry.splitlines()[0] for entry in entries if "--hash=sha256:" not in entry] == []


@pytest.mark.parametrize("lock", LOCKS)
def test_a_lock_answers_pyproject(lock: str) -> None:
    locked = _locked(lock)
    missing = [
        str(wanted)
        for wanted in _wanted(lock)
        if not any(
            wanted.specifier.contains(pin, prereleases=True) for pin in locked.get(canonicalize_name(wanted.name), [])
        )
    ]
    assert missing == [], "mend with: make lock"


@pytest.mark.parametrize("lock", LOCKS)
def test_a_lock_pins_the_extras_that_distributions_ask_for(lock: str) -> None:
    # An older pip takes `name[extra]>=1` for a requirement of its own and meets a newer release without a hash.
    text = (ROOT / lock).read_text()
    missing = []
    for name in _locked(lock):
        try:
            asked = [Requirement(line) for line in requires(name) or []]
        except PackageNotFoundError:  # of another system or an older Python
            continue
        for wanted in asked:
            if wanted.extras and (wanted.marker is None or wanted.marker.evaluate({"extra": ""})):
                pinned = rf"^{re.escape(canonicalize_name(wanted.name))}\[{','.join(sorted(wanted.extras))}\]=="
                missing += [] if re.search(pinned, text, re.MULTILINE) else [f"{name} asks for {wanted}"]
    assert missing == [], "mend with: make lock"


def test_both_locks_pin_the_same_versions() -> None:
    run, dev = (_locked(lock) for lock in LOCKS)
    assert {name: pins for name, pins in run.items() if dev.get(name) != pins} == {}, "mend with: make lock"


def test_no_file_names_a_package_index() -> None:
    faults = []
    for name in _tracked():
        content = (ROOT / name).read_bytes()
        faults += [f"{name}: {host}" for host in REGISTRIES if host.encode() in content]
    assert faults == []


def test_each_dependency_says_why() -> None:
    text = (ROOT / "pyproject.toml").read_text()
    listed = re.search(r"^dependencies = \[\n(.*?)^\]", text, re.MULTILINE | re.DOTALL)
    extras = re.search(r"^dev = \[\n(.*?)^\]", text, re.MULTILINE | re.DOTALL)
    assert listed
    assert extras
    lines = (listed[1] + extras[1]).splitlines()
    assert [line for line in lines if not re.search(r'",\s*# \S+ \S+', line)] == []


def test_the_changelog_knows_the_version() -> None:
    text = (ROOT / "CHANGELOG.md").read_text()
    headings = re.findall(r"^## (.+)$", text, re.MULTILINE)
    assert headings[0] == "Unreleased"
    assert PROJECT["version"] == __version__
    released = [heading.split()[0] for heading in headings[1:]]
    assert not released or released[0] == __version__, "the newest released heading is the package's version"


def test_continuous_integration_runs_the_words_that_people_type() -> None:
    script = (ROOT / ".ci" / "run").read_text()
    commands = [line for line in script.splitlines() if line and not line.startswith(("#", "cd ", "set "))]
    assert "set -euo pipefail" in script
    assert commands == ["make test", "make test-peers"]

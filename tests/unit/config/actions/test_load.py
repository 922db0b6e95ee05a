import zipfile
from pathlib import Path

import pytest

from nagare.config.actions.load import load_actions, shipped_actions
from nagare.config.files import read_trusted_bytes
from nagare.errors import ConfigError, InputError, PermissionDeniedError
from nagare.model.command.action import Capability, Risk
from nagare.model.command.plan import check_arguments, plan_of

OWN = """
name = "site.deploy"
version = 1
title = "Deploy"
risk = "second-person"
run = [["/opt/deploy", "--", "{release}"]]

[parameters.release]
type = "string"
pattern = "v[0-9.]+"
"""


def _argv(name: str, **arguments: object) -> tuple[str, ...]:
    action = shipped_actions()[name]
    return plan_of(action, check_arguments(action, arguments)).argvs[0]


def test_what_somebody_does_with_the_shipped_actions_is_nobody_elses() -> None:
    shipped_actions().clear()
    assert shipped_actions()


def test_what_is_shipped() -> None:
    actions = shipped_actions()
    assert sorted(actions) == [
        "disk.largest", "disk.usage", "file.tail", "host.reboot", "host.uptime", "network.sockets",
        "packages.updates", "process.kill", "process.list", "service.logs", "service.restart", "service.status",
        "shell.run",
    ]  # fmt: skip
    assert [name for name, one in actions.items() if one.capability is Capability.SHELL] == ["shell.run"]
    assert {name for name, one in actions.items() if one.risk is Risk.SECOND_PERSON} == {"host.reboot", "shell.run"}


def test_the_words_of_shipped_actions() -> None:
    assert _argv("service.restart", unit="nginx.service") == ("systemctl", "restart", "--", "nginx.service")
    assert _argv("service.logs", unit="nginx", since="2h")[-3:] == ("--lines=200", "--since=-7200s", "--unit=nginx")
    assert _argv("disk.largest", path="/srv")[-2:] == ("--", "/srv")
    assert _argv("process.list")[-1] == "--sort=-pcpu"
    assert _argv("process.kill", pid=77) == ("/bin/kill", "-s", "TERM", "77")
    assert _argv("network.sockets", scope=False) == ("ss", "--tcp", "--udp", "--numeric")
    assert _argv("file.tail", path="/var/log/syslog") == ("tail", "-n", "200", "--", "/var/log/syslog")
    assert _argv("shell.run", script="echo $HOME | cat\n") == ("sh", "-c", "--", "echo $HOME | cat\n")
    assert [argv[0] for argv in plan_of(shipped_actions()["packages.updates"], {}).argvs][:2] == ["apt", "dnf"]


@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        ("service.restart", {"unit": "nginx; reboot"}),
        ("service.restart", {"unit": "--all"}),
        ("service.logs", {"unit": "x", "since": "1d; reboot"}),
        ("file.tail", {"path": "/var/log/../../etc/shadow"}),
        ("file.tail", {"path": "/etc/shadow"}),
        ("disk.largest", {"path": "/", "least": "1G --files0-from=/etc/shadow"}),
        ("process.kill", {"pid": 1}),
        ("process.kill", {"pid": -1}),
        ("process.kill", {"pid": 7, "signal": "9 -1"}),
        ("host.uptime", {"x": 1}),
    ],
)
def test_hostile_arguments_are_refused(name: str, arguments: dict[str, object]) -> None:
    with pytest.raises(InputError):
        _argv(name, **arguments)


def test_own_actions_stand_beside_them(tmp_path: Path) -> None:
    (tmp_path / "site.deploy.toml").write_text(OWN)
    (tmp_path / "README").write_text("no action")
    assert load_actions(tmp_path)["site.deploy"].variants[0].program == "/opt/deploy"
    assert load_actions(tmp_path, read_trusted_bytes).keys() == load_actions(tmp_path).keys()


@pytest.mark.parametrize(
    ("name", "content", "told"),
    [
        ("site.deploy", OWN.replace('"string"', '"strnig"'), "line 9: parameters.release.type must be one of"),
        ("site.deploy", OWN.replace("version = 1", "version = 0"), "line 3: version is 0"),
        ("site.deploy", OWN.replace("risk = ", "risc = "), "line 5: risc is not known; did you mean 'risk'?"),
        ("site.deploy", OWN + "low = 3\n", "line 11: parameters.release.low means nothing"),
        ("site.deploy", "name = [", "(at "),
        ("site.other", OWN, "it defines site.deploy"),
        ("disk.usage", OWN.replace("site.deploy", "disk.usage"), "there is one of that name already"),
    ],
)
def test_a_fault_is_told_with_file_line_and_field(name: str, content: str, told: str, tmp_path: Path) -> None:
    path = tmp_path / f"{name}.toml"
    path.write_text(content)
    with pytest.raises(ConfigError) as raised:
        load_actions(tmp_path)
    assert str(path) in raised.value.message
    assert told in raised.value.message


def test_a_missing_folder_is_told(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="no such file"):
        load_actions(tmp_path / "none")


def test_a_host_does_not_run_what_others_can_write(tmp_path: Path) -> None:
    path = tmp_path / "site.deploy.toml"
    path.write_text(OWN)
    path.chmod(0o666)
    with pytest.raises(PermissionDeniedError, match="others may write it"):
        load_actions(tmp_path, read_trusted_bytes)


def test_the_agent_s_file_holds_the_actions() -> None:
    import nagare
    from nagare.bundles.contents import is_own_part

    package = Path(nagare.__file__).parent
    held = [path for path in package.rglob("*.toml") if is_own_part(path.relative_to(package).as_posix())]
    assert len(held) == len(shipped_actions())


def test_actions_are_read_from_a_zip(tmp_path: Path) -> None:
    import subprocess
    import sys

    import nagare

    package = Path(nagare.__file__).parent
    with zipfile.ZipFile(tmp_path / "agent.zip", "w") as archive:
        for path in package.rglob("*"):
            if path.suffix in (".py", ".toml") and path.is_file():
                archive.write(path, f"nagare/{path.relative_to(package)}")
    code = "import nagare; from nagare.config.actions.load import load_actions; print(nagare.__file__, len(load_actions()))"
    said = subprocess.run(
        [sys.executable, "-c", code],
        check=False,
        env={"PYTHONPATH": str(tmp_path / "agent.zip")},
        capture_output=True,
        text=True,
    )
    assert said.stdout.split() == [str(tmp_path / "agent.zip/nagare/__init__.py"), str(len(shipped_actions()))], (
        said.stderr
    )


def test_a_file_that_changed_means_something_else_at_once(tmp_path: Path) -> None:
    path = tmp_path / "site.go.toml"
    text = 'name = "site.go"\nversion = {}\ntitle = "Go"\nrisk = "none"\nrun = [["true"]]\n'
    for version in (1, 2, 1):
        path.write_text(text.format(version))
        assert load_actions(tmp_path)["site.go"].version == version
    path.write_text("x = [")
    with pytest.raises(ConfigError):
        load_actions(tmp_path)

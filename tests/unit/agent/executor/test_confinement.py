import os
from pathlib import Path

import pytest

from nagare.agent.executor.cgroups import CgroupParents, find_parents
from nagare.agent.executor.confinement import Hold, Layers, hold_of, process_limits, program_argv, scope_argv
from nagare.agent.executor.user import User
from nagare.errors import CommandRefusedError
from nagare.model.command.action import Limits
from nagare.model.command.result import Reason
from tests.unit.model.command.actions import action

NOBODY = User(65534, 65534)
CGROUPS = CgroupParents(Path("/cg/pids"), None, is_unified=False)


@pytest.mark.parametrize(
    ("layers", "name"),
    [
        (Layers(), "rlimits"),
        (Layers(bubblewrap="/bin/bwrap"), "bubblewrap"),
        (Layers(bubblewrap="/bin/bwrap", systemd_run="/bin/systemd-run"), "bubblewrap+systemd"),
        (Layers(cgroups=CGROUPS), "cgroup"),
    ],
)
def test_what_holds_a_program_has_a_name(layers: Layers, name: str) -> None:
    assert Hold(layers, None, has_pids_limit=True).name == name


def test_only_what_is_held_is_told() -> None:
    assert not [word for word in Hold(Layers(), None, has_pids_limit=False).holds() if word.startswith("pids")]
    assert "pids:user" in Hold(Layers(), NOBODY, has_pids_limit=True).holds()
    grouped = Hold(Layers(cgroups=CGROUPS), None, has_pids_limit=True).holds()
    assert {"pids:group", "memory:process"} <= set(grouped)


def test_the_kernel_counts_processes_of_others_than_root_only() -> None:
    limits = Limits(pids=7)
    assert process_limits(Hold(Layers(), NOBODY, has_pids_limit=True), limits)["NPROC"] == 7
    own = process_limits(Hold(Layers(), None, has_pids_limit=True), limits)
    assert ("NPROC" in own) == (os.geteuid() != 0)
    assert own["CORE"] == 0
    assert own["AS"] == limits.memory_bytes
    grouped = Layers(cgroups=CgroupParents(Path("/cg/pids"), Path("/cg/memory"), is_unified=False))
    assert "AS" not in process_limits(Hold(grouped, None, has_pids_limit=True), limits)


def test_what_forks_freely_needs_a_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    free = action(forks_freely=True)
    with pytest.raises(CommandRefusedError) as raised:
        hold_of(Layers(bubblewrap="/bin/bwrap"), free, None)
    assert raised.value.reason == Reason.NO_PIDS_LIMIT
    assert hold_of(Layers(), free, NOBODY).has_pids_limit
    assert hold_of(Layers(cgroups=CGROUPS), free, None).has_pids_limit
    assert not hold_of(Layers(), action(), None).has_pids_limit


def test_a_sandbox_hides_processes_unless_the_action_is_about_them() -> None:
    hold = Hold(Layers(bubblewrap="/bin/bwrap"), None, has_pids_limit=True)
    hidden = program_argv(hold, action(writable=["/srv/x"]), ("/bin/true", "--", "-x"), Path("/tmp/own"))
    assert hidden[0] == "/bin/bwrap"
    assert "--unshare-pid" in hidden
    assert hidden[hidden.index("--bind-try") :][:3] == ["--bind-try", "/srv/x", "/srv/x"]
    assert hidden[-4:] == ["--", "/bin/true", "--", "-x"]
    assert "--unshare-pid" not in program_argv(hold, action(sees_processes=True), ("/bin/true",), Path("/tmp/own"))
    bare = Hold(Layers(), None, has_pids_limit=True)
    assert program_argv(bare, action(), ("/bin/true",), Path("/tmp/own")) == ["/bin/true"]


def test_a_user_s_systemd_is_asked_as_such(monkeypatch: pytest.MonkeyPatch) -> None:
    layers = Layers(systemd_run="/bin/systemd-run")
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    assert "--user" in scope_argv(layers, Limits(), "x")
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    assert "--user" not in scope_argv(layers, Limits(), "x")
    assert scope_argv(Layers(), Limits(), "x") == []


def test_where_groups_may_be_made_is_read_of_either_version(tmp_path: Path) -> None:
    own = tmp_path / "own"
    own.write_text("9:name=systemd:/\n8:pids:/a.slice\n4:memory:/b\n2,3:cpu,cpuacct:/\n0::/\n")
    found = find_parents(own, tmp_path)
    assert found == CgroupParents(tmp_path / "pids/a.slice", tmp_path / "memory/b", is_unified=False)
    own.write_text("0::/system.slice/nagare.service\n")
    assert find_parents(own, tmp_path) is None
    unified = tmp_path / "system.slice/nagare.service"
    unified.mkdir(parents=True)
    (unified / "cgroup.controllers").write_text("memory pids\n")
    assert find_parents(own, tmp_path) == CgroupParents(unified, unified, is_unified=True)
    assert find_parents(tmp_path / "none", tmp_path) is None

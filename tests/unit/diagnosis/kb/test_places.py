"""Which directories may be read, and how sources are called."""

from pathlib import Path

import pytest

from nagare.diagnosis.kb.places import check_directory, name_for
from nagare.errors import InputError, PermissionDeniedError


def test_a_user_may_have_read_what_the_settings_allow(tmp_path: Path) -> None:
    inside = tmp_path / "ops" / "runbooks"
    inside.mkdir(parents=True)
    allowed = [str(tmp_path / "ops")]
    assert check_directory(str(inside), allowed, tmp_path / "data", is_owner=False) == inside.resolve()
    for place in (tmp_path, tmp_path / "ops-else", tmp_path / "ops" / ".." / "data", Path("/etc"), Path("/no/such")):
        with pytest.raises(PermissionDeniedError):
            check_directory(str(place), allowed, tmp_path / "data", is_owner=False)


def test_a_link_that_leads_out_is_outside(tmp_path: Path) -> None:
    (tmp_path / "ops").mkdir()
    (tmp_path / "ops" / "out").symlink_to("/etc")
    with pytest.raises(PermissionDeniedError):
        check_directory(str(tmp_path / "ops" / "out"), [str(tmp_path / "ops")], tmp_path / "data", is_owner=False)


def test_nobody_has_a_path_looked_at_that_leads_elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    looked = list[Path]()
    resolve = Path.resolve

    def noted(path: Path) -> Path:
        looked.append(path)
        return resolve(path)

    monkeypatch.setattr(Path, "resolve", noted)
    (tmp_path / "real").mkdir()
    (tmp_path / "ops").symlink_to(tmp_path / "real")
    allowed, data = [str(tmp_path / "ops")], tmp_path / "data"
    for place in ("/net/attacker", f"{tmp_path}/ops/../net"):
        with pytest.raises(PermissionDeniedError):
            check_directory(place, allowed, data, is_owner=False)
    assert set(looked) == {tmp_path / "ops"}
    # What a link of the settings leads to is allowed by both of its names: a source is kept under its real one.
    for name in ("ops", "real"):
        assert check_directory(str(tmp_path / name), allowed, data, is_owner=False) == resolve(tmp_path / "real")


def test_the_owner_may_name_any_but_the_installation_and_the_kernel(tmp_path: Path) -> None:
    (tmp_path / "data" / "keys").mkdir(parents=True)
    (tmp_path / "link").symlink_to(tmp_path / "data")
    assert check_directory(str(tmp_path), [], tmp_path / "data", is_owner=True) == tmp_path.resolve()
    for place in (
        tmp_path / "data",
        tmp_path / "data" / "keys",
        tmp_path / "link",
        Path("/proc/self"),
        Path("/sys"),
        Path("/"),
    ):
        with pytest.raises(InputError, match="holds no pages"):
            check_directory(str(place), [], tmp_path / "data", is_owner=True)
    with pytest.raises(InputError, match="no such directory"):
        check_directory(str(tmp_path / "gone"), [], tmp_path / "data", is_owner=True)


@pytest.mark.parametrize("directory", ["", "runbooks", "../etc", "/a\0b", "/" + "x" * 5000])
def test_a_path_that_is_not_absolute_means_nothing_to_a_server(tmp_path: Path, directory: str) -> None:
    with pytest.raises(InputError):
        check_directory(directory, [], tmp_path, is_owner=True)


def test_a_source_is_called_as_its_directory_is() -> None:
    assert name_for(Path("/srv/Ops Docs"), "") == "ops-docs"
    assert name_for(Path("/"), "") == "pages"
    assert name_for(Path("/srv/x"), "mine") == "mine"
    for taken in ("shipped", "search", "A", "a/b", "x" * 64, "-a"):
        with pytest.raises(InputError):
            name_for(Path("/srv/x"), taken)

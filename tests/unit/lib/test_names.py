from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nagare.errors import InvalidLabelError
from nagare.lib.names import PATH_NAME_LIMIT, check_host, from_path_name, is_identifier, path_name


@pytest.mark.parametrize("name", ["cpu", "disk_io", "a", "a1", "x" * 63])
def test_lawful_identifiers(name: str) -> None:
    assert is_identifier(name)


@pytest.mark.parametrize(
    "name", ["", "1a", "_a", "A", "a-b", "a.b", "a b", "ä", "x" * 64, "a\n", 'a"', "a;drop", "٣", "a٣"]
)
def test_unlawful_identifiers(name: str) -> None:
    assert not is_identifier(name)


@pytest.mark.parametrize("name", ["web1", "web1.example", "10.0.0.1", "fe80::1", "a_b-c", "A", "x" * 253])
def test_lawful_hosts(name: str) -> None:
    assert check_host(name) == name


@pytest.mark.parametrize("name", ["", ".", "-a", "a-", "a b", "a/b", "a\n", "x" * 254, "\x1b[0m", "hôte", "a'"])
def test_unlawful_hosts(name: str) -> None:
    with pytest.raises(InvalidLabelError, match="cannot use host name"):
        check_host(name)


@given(st.text(min_size=1, max_size=40))
def test_a_path_name_stays_in_its_folder_and_reads_back(name: str) -> None:
    try:
        encoded = path_name(name)
    except InvalidLabelError:
        assert len(name.encode("utf-8", "surrogatepass")) > PATH_NAME_LIMIT // 3
        return
    folder = Path("/folder")
    assert (folder / encoded).parent == folder
    assert encoded not in {"", ".", ".."}
    assert from_path_name(encoded) == name


@pytest.mark.parametrize("name", ["", "x" * 300, "\udc80"])
def test_what_cannot_name_a_file_is_refused(name: str) -> None:
    with pytest.raises(InvalidLabelError, match="file's name"):
        path_name(name)


@given(st.lists(st.text(alphabet="abAB./~%_-", min_size=1, max_size=8), unique=True))
def test_different_names_have_different_files(names: list[str]) -> None:
    assert len({path_name(name) for name in names}) == len(names)

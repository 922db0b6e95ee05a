import stat
from pathlib import Path

import pytest

from nagare.errors import ConflictError, InputError
from nagare.keys.offline_keys import is_encrypted, load_offline_key, make_offline_key


def test_a_key_opens_with_its_passphrase_only(tmp_path: Path) -> None:
    path = tmp_path / "root.key"
    made = make_offline_key(path, "a passphrase")
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert is_encrypted(path)
    assert load_offline_key(path, "a passphrase").public_key == made.public_key
    for wrong in ("", "another"):
        with pytest.raises(InputError):
            load_offline_key(path, wrong)


def test_a_key_in_clear_and_what_is_none(tmp_path: Path) -> None:
    path = tmp_path / "root.key"
    made = make_offline_key(path, "")
    assert not is_encrypted(path)
    assert load_offline_key(path, "").public_key == made.public_key
    with pytest.raises(ConflictError):
        make_offline_key(path, "")
    path.write_bytes(b"no key")
    with pytest.raises(InputError):
        load_offline_key(path, "")

"""One key of commands takes the place of another: hosts that follow, hosts that were away, thieves, and kills on the way."""

import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nagare.errors import ConfigError, ConflictError, InputError
from nagare.keys.command_keys import accept_keys, first_keys, keys_number, sign_keys, trusted_keys
from nagare.keys.command_lists import CommandKeyring, KeyringFiles, Stage, keyring_of
from nagare.keys.signing import SigningKey
from nagare.wire.commands import CommandKeys, KeyList, SignedCommandKeys
from tests.support.source import ROOT

GRACE_MS = 1000
_STEPS = st.lists(st.sampled_from(["rotate", "at once", "wait", "look", "host looks"]), max_size=40)


def _settled(keyring: CommandKeyring, now_ms: int) -> CommandKeyring:
    for step in range(1, 3):
        keyring = keyring.advanced(now_ms + step * GRACE_MS, GRACE_MS)
    assert keyring.stage is Stage.SETTLED
    return keyring


def test_a_key_is_announced_then_signs_then_stands_alone() -> None:
    old = SigningKey.generate()
    keyring = keyring_of(old).rotated(0, at_once=False)
    assert (keyring.stage, keyring.signing.public_key) == (Stage.ANNOUNCED, old.public_key)
    new = keyring.newest.keys[1]
    with pytest.raises(ConflictError, match="under way"):
        keyring.rotated(1, at_once=False)
    assert keyring.advanced(GRACE_MS - 1, GRACE_MS) is keyring
    keyring = keyring.advanced(GRACE_MS, GRACE_MS)
    assert (keyring.stage, keyring.signing.public_key) == (Stage.REPLACING, new)
    assert keyring.newest.keys == [new, old.public_key]
    assert keyring.advanced(2 * GRACE_MS - 1, GRACE_MS) is keyring
    keyring = keyring.advanced(2 * GRACE_MS, GRACE_MS)
    assert (keyring.stage, keyring.newest.keys, list(keyring.keys)) == (Stage.SETTLED, [new], [new])
    # The two lists in between led there, and nobody needs them any more.
    assert [one.made_ms for one in keyring.lists] == [0, 2 * GRACE_MS]
    assert keyring.made_ms(new) == 2 * GRACE_MS


@pytest.mark.parametrize("steps", [0, 1, 2])
def test_at_once_ends_the_old_key_wherever_a_change_is(steps: int) -> None:
    old = SigningKey.generate()
    keyring = keyring_of(old)
    held = accept_keys("", keyring.offered)
    if steps:
        keyring = keyring.rotated(0, at_once=False)
        held = accept_keys(held, keyring.offered)
        keyring = keyring.advanced((steps - 1) * GRACE_MS, GRACE_MS)
    keyring = keyring.rotated(5, at_once=True)
    assert keyring.stage is Stage.SETTLED
    assert old.public_key not in keyring.newest.keys
    assert trusted_keys(accept_keys(held, keyring.offered)) == keyring.newest.keys


@given(steps=_STEPS)
def test_a_host_that_looks_when_it_likes_always_comes_to_the_newest(steps: list[str]) -> None:
    keyring, now_ms = keyring_of(SigningKey.generate()), 0
    held, first = accept_keys("", keyring.offered), accept_keys("", keyring.offered)
    for step in steps:
        match step:
            case "wait":
                now_ms += GRACE_MS
            case "look":
                keyring = keyring.advanced(now_ms, GRACE_MS)
            case "host looks":
                held = accept_keys(held, keyring.offered)
                # What the server signs with from now on until it says otherwise.
                assert keyring.signing.public_key in trusted_keys(held)
            case _:
                if keyring.stage is Stage.SETTLED or step == "at once":
                    keyring = keyring.rotated(now_ms, at_once=step == "at once")
        assert keyring.newest.keys[0] in keyring.keys
    for behind in (held, first):
        assert trusted_keys(accept_keys(behind, keyring.offered)) == keyring.newest.keys
    assert keys_number(accept_keys(held, keyring.offered)) == keyring.newest.number


def test_a_key_that_was_stolen_and_ended_leads_nowhere() -> None:
    stolen, thief = SigningKey.generate(), SigningKey.generate()
    keyring = keyring_of(stolen).rotated(0, at_once=True)
    held = accept_keys(accept_keys("", first_keys(stolen)), keyring.offered)
    own = sign_keys(CommandKeys(1, 9, [thief.public_key]), thief, stolen)
    through = SignedCommandKeys(own.text, own.signatures, [*keyring.lists, KeyList(own.text, own.signatures)])
    for offered in (own, through, sign_keys(CommandKeys(1, 9, [stolen.public_key]), stolen)):
        with pytest.raises(InputError, match="no key that this host trusts"):
            accept_keys(held, offered)
    # A first list is never taken through others.
    with pytest.raises(InputError):
        accept_keys(held, SignedCommandKeys("{}", {}, list(keyring.lists)))


def test_files_hold_what_is_needed_and_no_more(tmp_path: Path) -> None:
    files = KeyringFiles(tmp_path / "commands.key", tmp_path / "commands")
    keyring = files.load(5)
    assert files.load(9).newest == keyring.newest
    assert not files.folder.exists(), "a server that never changed its key has one file"
    for turn in range(3):
        keyring = keyring.rotated(turn * 10 * GRACE_MS, at_once=False)
        files.save(keyring)
        assert files.load(0).newest == keyring.newest
        keyring = _settled(keyring, turn * 10 * GRACE_MS)
        files.save(keyring)
        found = files.load(0)
        assert (found.newest, found.lists, found.signing.public_key) == (
            keyring.newest, keyring.lists, keyring.signing.public_key,
        )  # fmt: skip
        assert len(list(files.folder.glob("*.key"))) == 1
        assert not files.first.exists()
    assert oct(next(files.folder.glob("*.key")).stat().st_mode)[-3:] == "600"


def test_what_a_kill_left_is_cleared_up(tmp_path: Path) -> None:
    files = KeyringFiles(tmp_path / "commands.key", tmp_path / "commands")
    old = files.load(0)
    # The new key was written, and no list yet.
    files.folder.mkdir()
    SigningKey.generate().save(files.folder / "0123456789abcdef.key")
    assert files.load(0).newest == old.newest
    assert list(files.folder.glob("*.key")) == []
    # The list in which the new one stands alone was written, and the old key is still there.
    kept = files.first.read_bytes()
    files.save(old.rotated(0, at_once=True))
    files.first.write_bytes(kept)
    assert files.load(0).newest.number == 2
    assert not files.first.exists()


@pytest.mark.parametrize("fault", ["lists gone", "lists cut", "lists empty", "key gone", "key damaged"])
def test_damage_is_told_and_nothing_is_made_anew(fault: str, tmp_path: Path) -> None:
    files = KeyringFiles(tmp_path / "commands.key", tmp_path / "commands")
    files.save(files.load(0).rotated(0, at_once=True))
    lists, key = files.folder / "lists.json", next(files.folder.glob("*.key"))
    match fault:
        case "lists gone":
            lists.unlink()
        case "lists cut":
            lists.write_bytes(lists.read_bytes()[:-20])
        case "lists empty":
            lists.write_text('{"v": 1, "lists": []}')
        case "key gone":
            key.unlink()
        case _:
            key.write_text("nothing")
    before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    with pytest.raises(ConfigError):
        files.load(0)
    assert {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()} == before


_ROTATES = """
import sys
from pathlib import Path
from nagare.keys.command_lists import KeyringFiles
files = KeyringFiles(Path(sys.argv[1]) / "commands.key", Path(sys.argv[1]) / "commands")
keyring, now_ms = files.load(0), 0
print("begins", flush=True)
while True:
    now_ms += 10
    keyring = keyring.rotated(now_ms, at_once=False) if keyring.stage == "settled" else keyring.advanced(now_ms, 10)
    files.save(keyring)
    print(keyring.newest.number, flush=True)
"""


@pytest.mark.parametrize("steps", [0, 1, 2, 4])
def test_killed_in_the_middle_one_key_works_and_hosts_follow(steps: int, tmp_path: Path) -> None:
    files = KeyringFiles(tmp_path / "commands.key", tmp_path / "commands")
    held = accept_keys("", files.load(0).offered)
    with subprocess.Popen(
        [sys.executable, "-c", _ROTATES, str(tmp_path)], stdout=subprocess.PIPE, text=True, cwd=ROOT
    ) as child:
        assert child.stdout is not None
        told = [child.stdout.readline() for _ in range(steps + 1)]
        child.send_signal(signal.SIGKILL)
    keyring = files.load(0)
    assert keyring.newest.number >= (int(told[-1]) if steps else 1)
    assert keyring.signing.public_key in trusted_keys(accept_keys(held, keyring.offered))
    shutil.rmtree(tmp_path)

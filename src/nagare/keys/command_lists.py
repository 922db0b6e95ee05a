"""The server's keys of commands on its disk, and how one takes the place of another.

A change is a new list, written whole: the key that follows is announced while the old one signs, then it signs while the old
one is still taken, then it stands alone and the old one is removed. Every list is signed by a key of the one before it. Those
that stood alone are kept and offered with the newest, so that a host that was away for several changes follows link by link.

A new key is on the disk before a list names it, and an old one leaves after the list that lacks it is there: killed anywhere,
the newest list names a key that is here. What no list names is a left-over, and is removed.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from nagare.errors import ConfigError, ConflictError, InputError
from nagare.keys.command_keys import first_keys, key_id, sign_keys
from nagare.keys.files import make_private_directory, write_private
from nagare.keys.signing import SigningKey
from nagare.wire.codec import decode, encode
from nagare.wire.commands import (
    COMMANDS_VERSION,
    CommandKeyLists,
    CommandKeys,
    KeyList,
    SignedCommandKeys,
    read_keys,
)

_LISTS = "lists.json"
_NAME_DIGITS = 16


class Stage(StrEnum):
    """How far a change is."""

    SETTLED = "settled"
    # The old key signs, and hosts learn the new one.
    ANNOUNCED = "announced"
    # The new key signs, and what the old one signed is still taken.
    REPLACING = "replacing"


@dataclass(frozen=True, slots=True)
class CommandKeyring:
    """The lists, oldest first, and the private keys of those that the newest names, by their public halves."""

    lists: tuple[KeyList, ...]
    keys: Mapping[str, SigningKey]

    @property
    def newest(self) -> CommandKeys:
        """What hosts shall trust."""
        return read_keys(self.lists[-1].text)

    @property
    def signing(self) -> SigningKey:
        """The key that signs."""
        return self.keys[self.newest.keys[0]]

    @property
    def offered(self) -> SignedCommandKeys:
        """What is told to hosts: the newest list, and the ones before it for who missed them."""
        *earlier, newest = self.lists
        return SignedCommandKeys(newest.text, newest.signatures, list(earlier))

    @property
    def stage(self) -> Stage:
        """How far a change is."""
        keys = self.newest.keys
        if len(keys) == 1:
            return Stage.SETTLED
        return Stage.ANNOUNCED if read_keys(self.lists[-2].text).keys == keys[:1] else Stage.REPLACING

    def made_ms(self, public_key: str) -> int:
        """Return when a key of the newest list was first listed."""
        return next(one.made_ms for one in self.lists if public_key in read_keys(one.text).keys)

    def rotated(self, now_ms: int, *, at_once: bool) -> CommandKeyring:
        """Return the begin of a change, or its end if it shall be ``at_once``. Raises ConflictError while one is under way."""
        if self.stage is not Stage.SETTLED:
            if not at_once:
                raise ConflictError(
                    "cannot rotate the key of commands: a change is under way",
                    hint="`nagare commands keys list` says how far it is; --at-once ends it now",
                )
            first, second = self._listed()
            old, new = (first, second) if self.stage is Stage.ANNOUNCED else (second, first)
        else:
            old, new = self.signing, SigningKey.generate()
        return self._alone(new, old, now_ms) if at_once else self._with([old, new], now_ms)

    def advanced(self, now_ms: int, grace_ms: int) -> CommandKeyring:
        """Return the next step of a change if it is due, else the same keyring."""
        stage = self.stage
        if stage is Stage.SETTLED or now_ms < self.lists[-1].made_ms + grace_ms:
            return self
        first, second = self._listed()
        if stage is Stage.ANNOUNCED:
            return self._with([second, first], now_ms)
        return self._alone(first, second, now_ms)

    def _listed(self) -> list[SigningKey]:
        return [self.keys[key] for key in self.newest.keys]

    def _alone(self, key: SigningKey, old: SigningKey, now_ms: int) -> CommandKeyring:
        """Return the keyring in which ``key`` stands alone; lists that only led there are not needed any more."""
        alone = [one for one in self.lists if len(read_keys(one.text).keys) == 1]
        return self._ending_in(alone, [key], [key, old], now_ms)

    def _with(self, keys: list[SigningKey], now_ms: int) -> CommandKeyring:
        return self._ending_in(self.lists, keys, keys, now_ms)

    def _ending_in(
        self, lists: Iterable[KeyList], keys: list[SigningKey], signers: list[SigningKey], now_ms: int
    ) -> CommandKeyring:
        named = [key.public_key for key in keys]
        signed = sign_keys(CommandKeys(COMMANDS_VERSION, self.newest.number + 1, named), *signers)
        added = KeyList(signed.text, signed.signatures, now_ms)
        return CommandKeyring((*lists, added), {key.public_key: key for key in keys})


def keyring_of(key: SigningKey, now_ms: int = 0) -> CommandKeyring:
    """Return the first keyring of a server."""
    first = first_keys(key)
    return CommandKeyring((KeyList(first.text, first.signatures, now_ms),), {key.public_key: key})


@dataclass(frozen=True, slots=True)
class KeyringFiles:
    """``first`` is the file of the first key of a server; what follows it stands in ``folder``. Blocking, and small."""

    first: Path
    folder: Path

    def load(self, now_ms: int) -> CommandKeyring:
        """Return the keyring, made at the first start. Raises ConfigError for one that is damaged or not whole."""
        lists = self._read_lists()
        if lists is None:
            return self._begin(now_ms)
        files = self._files()
        newest = read_keys(lists[-1].text)
        missing = [key for key in newest.keys if key not in files]
        if missing:
            raise self._unusable(f"key {key_id(missing[0])[:_NAME_DIGITS]} is missing")
        self._remove_others(newest.keys)
        return CommandKeyring(tuple(lists), {key: SigningKey.load(files[key]) for key in newest.keys})

    def save(self, keyring: CommandKeyring) -> None:
        """Write the keyring: its new keys, then its lists; then remove what it names no more."""
        make_private_directory(self.folder)
        files = self._files()
        for public_key, key in keyring.keys.items():
            if public_key not in files:
                key.save(self.folder / f"{key_id(public_key)[:_NAME_DIGITS]}.key")
        lists = CommandKeyLists(COMMANDS_VERSION, list(keyring.lists))
        write_private(self.folder / _LISTS, encode(lists) + b"\n")
        self._remove_others(keyring.newest.keys)

    def _begin(self, now_ms: int) -> CommandKeyring:
        if not self.first.exists() and any(self.folder.glob("*.key")):
            raise self._unusable(f"{_LISTS} is missing")
        key = SigningKey.load_or_make(self.first)
        self._remove_others([key.public_key])
        made_ms = min(now_ms, round(self.first.stat().st_mtime * 1000))
        return keyring_of(key, made_ms)

    def _read_lists(self) -> list[KeyList] | None:
        try:
            lists = decode((self.folder / _LISTS).read_bytes(), CommandKeyLists).lists
            for one in lists:
                read_keys(one.text)
        except FileNotFoundError:
            return None
        except InputError as error:
            raise self._unusable(f"{_LISTS} is damaged: {error.message}") from error
        return lists

    def _files(self) -> dict[str, Path]:
        paths = [path for path in (self.first, *sorted(self.folder.glob("*.key"))) if path.exists()]
        return {SigningKey.load(path).public_key: path for path in paths}

    def _remove_others(self, public_keys: list[str]) -> None:
        for public_key, path in self._files().items():
            if public_key not in public_keys:
                path.unlink()

    def _unusable(self, cause: str) -> ConfigError:
        return ConfigError(
            f"cannot use the keys of commands in {self.folder}: {cause}",
            hint="restore the folder and the file beside it from a backup; a server without its key makes hosts join again",
        )

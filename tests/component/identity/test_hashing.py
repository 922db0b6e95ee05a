"""Passwords off the loop: as slow for who does not exist, bounded, and behind everything else the machine does."""

import asyncio
import os
import threading
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nagare.errors import InputError, OverloadedError
from nagare.identity.passwords.hashing import LENGTH_LEAST, LENGTH_MOST, Passwords, check_password

CHEAP = {"passes": 1, "memory_kib": 64, "lanes": 1}


@pytest.fixture(autouse=True)
def cheap_passwords() -> None:
    """Leave the parameters as users have them."""


async def test_only_the_right_password_fits() -> None:
    passwords = Passwords(**CHEAP)
    kept = await passwords.hash("correct horse battery")
    assert await passwords.compare("correct horse battery", kept)
    for wrong in ("", "correct horse batterY", "correct horse battery ", "\ud800"):
        assert not await passwords.compare(wrong, kept)
    for damaged in (None, "", "$argon2id$", kept[:-5], kept.replace("$v=19", "$v=16"), "plain"):
        assert not await passwords.compare("correct horse battery", damaged)
    passwords.close()


async def test_the_parameters_are_those_of_the_rfc() -> None:
    passwords = Passwords()
    kept = await passwords.hash("correct horse battery")
    assert kept.startswith("$argon2id$v=19$m=65536,t=3,p=4$")
    assert not passwords.is_outdated(kept)
    assert Passwords(passes=4).is_outdated(kept)
    passwords.close()


async def test_one_password_however_its_letters_are_composed() -> None:
    passwords = Passwords(**CHEAP)
    kept = await passwords.hash("caf\u00e9 caf\u00e9 caf\u00e9")
    assert await passwords.compare("cafe\u0301 cafe\u0301 cafe\u0301", kept)
    passwords.close()


async def test_more_than_can_wait_are_sent_away() -> None:
    passwords = Passwords(**CHEAP)
    may_go = threading.Event()
    waiting = [asyncio.ensure_future(passwords._run(may_go.wait)) for _ in range(32)]
    await asyncio.sleep(0)
    with pytest.raises(OverloadedError):
        await passwords.hash("x")
    may_go.set()
    await asyncio.gather(*waiting)
    assert await passwords.hash("x")
    passwords.close()


async def test_guessing_stands_behind_everything_else() -> None:
    passwords = Passwords(**CHEAP)
    own = os.getpriority(os.PRIO_PROCESS, 0)
    seen = await passwords._run(lambda: os.getpriority(os.PRIO_PROCESS, threading.get_native_id()))
    assert seen == max(10, own)
    assert os.getpriority(os.PRIO_PROCESS, threading.get_native_id()) == own
    passwords.close()


@given(st.text(max_size=300))
def test_a_password_is_kept_or_refused_and_never_told(password: str) -> None:
    is_lawful = LENGTH_LEAST <= len(unicodedata.normalize("NFC", password)) <= LENGTH_MOST
    folded = password.casefold()
    if is_lawful and len(set(folded)) >= 5 and "lovelace" not in folded:
        assert check_password(password, "lovelace") == password
        return
    with pytest.raises(InputError) as refused:
        check_password(password, "lovelace")
    assert len(password) < 8 or password not in refused.value.message + refused.value.hint


def test_ones_name_is_no_password_but_may_stand_in_one_when_it_is_short() -> None:
    assert check_password("a quadratic form", "ada") == "a quadratic form"
    assert check_password("adamant horses", "ada") == "adamant horses"
    with pytest.raises(InputError):
        check_password("I am Lovelace 1815", "lovelace")


def test_lengths() -> None:
    long = "".join(chr(97 + number % 26) for number in range(LENGTH_MOST))
    assert check_password(long, "zed") == long
    for bad in (long + "x", long[: LENGTH_LEAST - 1]):
        with pytest.raises(InputError):
            check_password(bad, "zed")

"""Whose commands a host takes: the keys that its server told first, and later what those have signed."""

from dataclasses import replace

import pytest

from nagare.agent.enrolment import Enrolment, Machine
from nagare.agent.executor.host import read_standing
from nagare.agent.identity import Identity, IdentityFiles
from nagare.config.places import Places
from nagare.config.settings import AgentSettings
from nagare.keys.command_keys import first_keys, sign_keys, trusted_keys
from nagare.keys.files import make_private_directory
from nagare.keys.signing import SigningKey
from nagare.lib.clock import ManualClock
from nagare.wire.commands import CommandKeys, SignedCommandKeys
from nagare.wire.hosts import RegisterReply, Standing
from tests.component.agent.receiver import Receiver, receiving

KEY, NEXT_KEY, FOREIGN = SigningKey.generate(), SigningKey.generate(), SigningKey.generate()
SETTINGS = AgentSettings(name="web1")


@pytest.fixture
def files(places: Places) -> IdentityFiles:
    make_private_directory(places.spool)
    return IdentityFiles(places, places.data)


def _known(server: str = "https://server", keys: str = "", capabilities: tuple[str, ...] = ("commands",)) -> Identity:
    return Identity(server, "m1", "web1", "h1", "web1", "token", command_keys=keys, capabilities=list(capabilities))


def _told(keys: SignedCommandKeys | None, *capabilities: str) -> Standing:
    return Standing("web1", "active", list(capabilities or ("commands", "metrics")), 300.0, command_keys=keys)


async def test_a_registration_brings_the_first_keys(places: Places, files: IdentityFiles) -> None:
    enrolment = Enrolment(SETTINGS, places, files, ManualClock())
    receiver = Receiver(capabilities=["commands", "metrics"], command_keys=first_keys(KEY))
    async with receiving(receiver, places):
        await enrolment.register(Machine("m1", files.load_key(), {}), deadline_seconds=10)
    standing = read_standing(files)
    assert standing is not None
    assert (standing.host_id, standing.may_run, standing.keys) == ("h1", True, (KEY.public_key,))


def test_a_host_of_before_learns_them_with_its_standing(places: Places, files: IdentityFiles) -> None:
    files.save(_known())
    learned = Enrolment(SETTINGS, places, files, ManualClock()).learn(_known(), _told(first_keys(KEY)))
    assert trusted_keys(learned.command_keys) == [KEY.public_key]
    assert files.load() == learned


def test_keys_are_replaced_only_by_what_they_signed(
    places: Places, files: IdentityFiles, caplog: pytest.LogCaptureFixture
) -> None:
    enrolment = Enrolment(SETTINGS, places, files, ManualClock())
    known = _known(keys=first_keys(KEY).text)
    files.save(known)
    assert enrolment.learn(known, _told(first_keys(FOREIGN))).command_keys == known.command_keys
    assert "command_keys_refused" in caplog.text
    assert enrolment.learn(known, _told(None)).command_keys == known.command_keys
    following = sign_keys(CommandKeys(1, 2, [NEXT_KEY.public_key, KEY.public_key]), NEXT_KEY, KEY)
    assert trusted_keys(enrolment.learn(known, _told(following)).command_keys) == [
        NEXT_KEY.public_key,
        KEY.public_key,
    ]


@pytest.mark.parametrize(
    ("server", "has_joined", "trusted"),
    [
        ("https://server", False, KEY),  # it refused our token, and that alone changes nothing
        ("https://server", True, FOREIGN),  # an operator let it join again
        ("https://other", False, FOREIGN),
        ("own", False, FOREIGN),  # who may replace that server may replace this agent
    ],
)
def test_a_registration_anew_trusts_anew_only_where_somebody_decided_so(
    places: Places, files: IdentityFiles, server: str, has_joined: bool, trusted: SigningKey
) -> None:
    files.save(_known("own" if server == "own" else "https://server", first_keys(KEY).text))
    reply = RegisterReply("h1", "web1", "token", command_keys=first_keys(FOREIGN))
    held = Enrolment(SETTINGS, places, files, ManualClock())._first_keys(server, reply, has_joined=has_joined)
    assert trusted_keys(held) == [trusted.public_key]


def test_who_may_run_is_asked_of_what_is_kept(files: IdentityFiles) -> None:
    assert read_standing(files) is None
    known = _known(keys=first_keys(KEY).text)
    for identity, may_run in [
        (known, True),
        (replace(known, enrolment="pending"), False),
        (replace(known, capabilities=["metrics"]), False),
    ]:
        files.save(identity)
        standing = read_standing(files)
        assert standing is not None
        assert standing.may_run == may_run


def test_damaged_keys_trust_nobody(files: IdentityFiles) -> None:
    files.save(_known(keys="{}"))
    standing = read_standing(files)
    assert standing is not None
    assert standing.keys == ()

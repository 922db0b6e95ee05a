import dataclasses
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nagare.errors import UpdateRefusedError
from nagare.keys.signing import SigningKey
from nagare.keys.update_roles.canonical import canonical
from nagare.keys.update_roles.choice import check_file, choose
from nagare.keys.update_roles.documents import add_signature, sign
from nagare.keys.update_roles.verify import Accepted, verify
from nagare.model.updates import Reason
from nagare.wire.updates import Metadata, PublicKey, RoleKeys, Root, Trust
from tests.support.update_roles import CONTENT, DAY_MS, NOW_MS, Publisher, bundle, keys_of


def refused(trust: Trust | None, metadata: Metadata, now_ms: int = NOW_MS) -> str:
    with pytest.raises(UpdateRefusedError) as error:
        verify(trust, metadata, now_ms)
    assert f"({error.value.reason})" in error.value.message
    return error.value.reason


@pytest.fixture
def publisher() -> Publisher:
    return Publisher()


@pytest.fixture
def known(publisher: Publisher) -> Accepted:
    """What somebody holds who saw targets 5 and timestamp 7."""
    publisher.targets_version, publisher.timestamp_version = 5, 7
    return verify(None, publisher.metadata(publisher.root()), NOW_MS)


def test_what_is_signed_well_is_taken(publisher: Publisher, known: Accepted) -> None:
    publisher.targets_version, publisher.timestamp_version = 6, 8
    accepted = verify(known.trust, publisher.metadata(), NOW_MS)
    assert (accepted.trust.targets_version, accepted.trust.timestamp_version) == (6, 8)
    assert accepted.targets.bundles == [bundle()]


def test_the_same_again_is_taken(publisher: Publisher, known: Accepted) -> None:
    assert verify(known.trust, publisher.metadata(), NOW_MS).trust == known.trust


def test_rollback_of_targets(publisher: Publisher, known: Accepted) -> None:
    publisher.targets_version, publisher.timestamp_version = 4, 8
    assert refused(known.trust, publisher.metadata()) == Reason.ROLLBACK


def test_rollback_of_the_timestamp(publisher: Publisher, known: Accepted) -> None:
    publisher.timestamp_version = 6
    assert refused(known.trust, publisher.metadata()) == Reason.ROLLBACK


def test_rollback_of_the_root(publisher: Publisher, known: Accepted) -> None:
    assert refused(known.trust, publisher.metadata(publisher.root())) == Reason.ROLLBACK


@pytest.mark.parametrize(("role", "days"), [("timestamp", 1), ("targets", 90), ("root", 365)])
def test_freeze(publisher: Publisher, role: str, days: int) -> None:
    far = NOW_MS + 1000 * DAY_MS
    expires = dict.fromkeys(("root", "targets", "timestamp"), far) | {role: NOW_MS + days * DAY_MS}
    targets = publisher.targets(expires_ms=expires["targets"])
    timestamp = publisher.timestamp(targets, expires_ms=expires["timestamp"])
    offered = Metadata([publisher.root(expires_ms=expires["root"])], timestamp, targets)
    assert verify(None, offered, NOW_MS + days * DAY_MS - 1).targets.version == 1
    assert refused(None, offered, NOW_MS + days * DAY_MS) == Reason.FREEZE


def test_mix_and_match_of_two_lists(publisher: Publisher, known: Accepted) -> None:
    publisher.targets_version = 6
    old = publisher.targets()
    publisher.targets_version = 7
    publisher.timestamp_version = 8
    offered = Metadata([], publisher.timestamp(publisher.targets()), old)
    assert refused(known.trust, offered) == Reason.MIX_AND_MATCH


def test_another_list_under_a_number_that_was_seen(publisher: Publisher, known: Accepted) -> None:
    publisher.bundles = [bundle("0.9.0")]
    publisher.timestamp_version = 8
    assert refused(known.trust, publisher.metadata()) == Reason.MIX_AND_MATCH


def test_a_list_whose_number_is_not_the_one_of_the_timestamp(publisher: Publisher, known: Accepted) -> None:
    publisher.targets_version = 9
    targets = publisher.targets()
    publisher.targets_version = 10
    assert refused(known.trust, Metadata([], publisher.timestamp(targets), targets)) == Reason.MIX_AND_MATCH


def test_too_few_signatures_and_one_key_twice_counts_once() -> None:
    publisher = Publisher(
        root_keys=[SigningKey.generate(), SigningKey.generate()],
        targets_keys=[SigningKey.generate(), SigningKey.generate()],
        threshold=2,
    )
    root = publisher.root()
    assert verify(None, publisher.metadata(root), NOW_MS).targets.version == 1
    once = publisher.targets(publisher.targets_keys[0])
    assert refused(None, publisher.metadata(root, targets=once)) == Reason.TOO_FEW_SIGNATURES
    document = json.loads(once)
    document["signatures"] *= 2
    twice = canonical(document).decode()
    assert refused(None, publisher.metadata(root, targets=twice)) == Reason.TOO_FEW_SIGNATURES


def test_a_strangers_key(publisher: Publisher, known: Accepted) -> None:
    targets = publisher.targets(SigningKey.generate())
    publisher.timestamp_version = 8
    publisher.targets_version = 5
    trust = Trust(known.trust.root)
    assert refused(trust, publisher.metadata(targets=targets)) == Reason.UNKNOWN_KEY


def test_the_key_of_another_role(publisher: Publisher, known: Accepted) -> None:
    targets = publisher.targets(publisher.timestamp_keys[0])
    assert refused(Trust(known.trust.root), publisher.metadata(targets=targets)) == Reason.WRONG_ROLE
    good = publisher.targets()
    offered = Metadata([], publisher.timestamp(good, publisher.targets_keys[0]), good)
    assert refused(known.trust, offered) == Reason.WRONG_ROLE


def test_an_old_key_after_a_rotation(publisher: Publisher, known: Accepted) -> None:
    old = publisher.targets_keys
    publisher.targets_keys, publisher.root_version = [SigningKey.generate()], 2
    root = publisher.root()
    publisher.timestamp_version = 8
    assert refused(known.trust, publisher.metadata(root, targets=publisher.targets(*old))) == Reason.UNKNOWN_KEY
    assert verify(known.trust, publisher.metadata(root), NOW_MS).root.version == 2


def test_a_chain_of_roots(publisher: Publisher, known: Accepted) -> None:
    roots = []
    for version in (2, 3, 4):
        old, publisher.root_keys = publisher.root_keys, [SigningKey.generate()]
        publisher.root_version = version
        roots.append(publisher.root(*old))
    assert verify(known.trust, publisher.metadata(*roots), NOW_MS).root.version == 4
    assert refused(known.trust, publisher.metadata(*roots[1:])) == Reason.GAP
    assert refused(known.trust, publisher.metadata(roots[0], roots[2])) == Reason.GAP
    assert refused(known.trust, publisher.metadata(*reversed(roots))) == Reason.GAP
    # Without the new root what it signed is a stranger's; here the keys of the lists stayed.
    assert verify(known.trust, publisher.metadata(), NOW_MS).root.version == 1


def test_a_new_root_needs_the_old_keys_and_its_own(publisher: Publisher, known: Accepted) -> None:
    old, publisher.root_keys, publisher.root_version = publisher.root_keys, [SigningKey.generate()], 2
    assert refused(known.trust, publisher.metadata(publisher.root())) == Reason.TOO_FEW_SIGNATURES
    only_old = sign(publisher.make_root(), *old)
    assert refused(known.trust, publisher.metadata(only_old)) == Reason.TOO_FEW_SIGNATURES
    assert (
        verify(known.trust, publisher.metadata(add_signature(only_old, publisher.root_keys[0])), NOW_MS).root.version
        == 2
    )


def test_numbers_begin_anew_only_when_nothing_old_can_pass(publisher: Publisher, known: Accepted) -> None:
    publisher.root_version, publisher.timestamp_version = 2, 1
    kept = publisher.timestamp_keys[0]
    publisher.timestamp_keys = [kept, SigningKey.generate()]
    assert refused(known.trust, publisher.metadata(publisher.root())) == Reason.ROLLBACK
    publisher.timestamp_keys = [SigningKey.generate()]
    accepted = verify(known.trust, publisher.metadata(publisher.root()), NOW_MS)
    assert (accepted.trust.timestamp_version, accepted.trust.targets_version) == (1, 5)


@pytest.mark.parametrize(
    "spoil",
    [
        lambda text: text.replace(":", ": ", 1),
        lambda text: text.replace('"version":5', '"version":5,"version":5', 1),
        lambda text: text.replace('"version":5', '"version":5.0', 1),
        lambda text: text.replace('"type":"targets"', '"type":"target\\u0073"', 1),
        lambda text: text + "\n",
    ],
    ids=["space", "name twice", "fraction", "escape", "line"],
)
def test_only_the_canonical_form_is_read(publisher: Publisher, known: Accepted, spoil: object) -> None:
    assert callable(spoil)
    spoiled = spoil(publisher.targets())
    assert spoiled != publisher.targets()
    assert refused(known.trust, publisher.metadata(targets=spoiled)) in (Reason.NOT_CANONICAL, Reason.MIX_AND_MATCH)
    assert refused(Trust(known.trust.root), publisher.metadata(targets=spoiled)) == Reason.NOT_CANONICAL


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"keys": {}}, Reason.MALFORMED),
        ({"roles": {}}, Reason.MALFORMED),
        ({"version": 0}, Reason.MALFORMED),
    ],
)
def test_a_root_that_is_none(publisher: Publisher, change: dict[str, object], reason: Reason) -> None:
    document = json.loads(publisher.root())
    document["signed"].update(change)
    assert refused(None, publisher.metadata(canonical(document).decode())) == reason


def test_unknown_algorithm(publisher: Publisher) -> None:
    key = PublicKey("rsa", keys_of(publisher.root_keys[0]).popitem()[1].public)
    root = publisher.make_root()
    bad = Root(1, root.expires_ms, {**root.keys, "ab": key}, root.roles)
    assert refused(None, publisher.metadata(sign(bad, *publisher.root_keys))) == Reason.UNKNOWN_ALGORITHM


def test_a_threshold_that_cannot_be_met_or_is_none(publisher: Publisher) -> None:
    root = publisher.make_root()
    for threshold in (0, 2):
        roles = {**root.roles, "targets": RoleKeys(root.roles["targets"].keyids, threshold)}
        bad = Root(1, root.expires_ms, root.keys, roles)
        assert refused(None, publisher.metadata(sign(bad, *publisher.root_keys))) == Reason.MALFORMED


def test_nothing_to_begin_with(publisher: Publisher) -> None:
    assert refused(None, publisher.metadata()) == Reason.MALFORMED


ONE = Publisher()
ROOT, TARGETS_TEXT = ONE.root(), ONE.targets()
TIMESTAMP_TEXT = ONE.timestamp(TARGETS_TEXT)


@given(st.sampled_from(["root", "timestamp", "targets"]), st.data())
def test_any_byte_flipped_is_refused(role: str, data: st.DataObject) -> None:
    texts = {"root": ROOT, "timestamp": TIMESTAMP_TEXT, "targets": TARGETS_TEXT}
    at = data.draw(st.integers(0, len(texts[role]) - 1))
    bit = data.draw(st.integers(0, 6))
    changed = texts[role][:at] + chr(ord(texts[role][at]) ^ 1 << bit) + texts[role][at + 1 :]
    spoiled = texts | {role: changed}
    refused(None, Metadata([spoiled["root"]], spoiled["timestamp"], spoiled["targets"]))


@given(st.text(max_size=200))
def test_any_text_is_refused_by_name(text: str) -> None:
    refused(None, Metadata([text], text, text))
    refused(Trust(ROOT), Metadata([], text, text))


def test_a_version_before_the_running_one_needs_the_roots_word(known: Accepted) -> None:
    chosen = choose(known.targets, known.root, version="0.2.0", arch="x86_64", running="0.1.0")
    assert chosen == bundle()
    for running, lowest, reason in (
        ("0.3.0", "", Reason.DOWNGRADE),
        ("0.3.0", "0.2.1", Reason.DOWNGRADE),
        ("0.3.0", "0.2.0", None),
        ("0.2.1rc1", "", Reason.DOWNGRADE),
        ("0.2.0rc1", "", None),
        ("0.2.0", "", None),
    ):
        root = Root(1, known.root.expires_ms, known.root.keys, known.root.roles, lowest)
        if reason is None:
            assert choose(known.targets, root, version="0.2.0", arch="x86_64", running=running) == bundle()
            continue
        with pytest.raises(UpdateRefusedError) as error:
            choose(known.targets, root, version="0.2.0", arch="x86_64", running=running)
        assert error.value.reason == reason


def test_what_is_not_listed(known: Accepted) -> None:
    for version, arch in (("0.2.1", "x86_64"), ("0.2.0", "aarch64")):
        with pytest.raises(UpdateRefusedError) as error:
            choose(known.targets, known.root, version=version, arch=arch, running="0.1.0")
        assert error.value.reason == Reason.NOT_LISTED


@pytest.mark.parametrize(
    ("length", "digest", "reason"),
    [
        (len(CONTENT) - 1, "", Reason.CUT),
        (len(CONTENT) + 1, "", Reason.WRONG_LENGTH),
        (len(CONTENT), "0" * 64, Reason.WRONG_HASH),
    ],
)
def test_a_file_that_is_not_the_signed_one(length: int, digest: str, reason: Reason) -> None:
    check_file(bundle(), len(CONTENT), bundle().sha256)
    with pytest.raises(UpdateRefusedError) as error:
        check_file(bundle(), length, digest or bundle().sha256)
    assert error.value.reason == reason


def test_a_listed_file_whose_name_or_length_is_unlawful(known: Accepted) -> None:
    for change in ({"length": 0}, {"length": 2**30}, {"sha256": "ab"}, {"name": "nagare-agent-9.9.9-linux-x86_64.pyz"}):
        fields = {name: getattr(bundle(), name) for name in bundle().__struct_fields__} | change
        targets = type(known.targets)(1, NOW_MS, [type(bundle())(**fields)])
        with pytest.raises(UpdateRefusedError):
            choose(targets, known.root, version="0.2.0", arch="x86_64", running="0.1.0")


def test_accepted_is_a_value(known: Accepted) -> None:
    assert dataclasses.replace(known) == known

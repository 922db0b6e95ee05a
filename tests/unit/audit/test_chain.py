"""The chain tells every change: of a byte, of the order, of what was added, and of what was cut off its end."""

import json
from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from nagare.audit.chain import GENESIS, Entry, SignedHead, head_message, is_genuine, link
from nagare.audit.verify import verify
from nagare.keys.signing import SigningKey
from nagare.model.deed import Deed, Outcome

KEY = SigningKey.generate()
TEXTS = st.text(max_size=20)
DEEDS = st.builds(
    Deed,
    action=TEXTS,
    outcome=st.sampled_from(Outcome),
    actor=TEXTS,
    target=TEXTS,
    detail=TEXTS,
    before=st.none() | st.dictionaries(TEXTS, TEXTS | st.integers() | st.lists(TEXTS), max_size=3),
)
CHAINS = st.lists(DEEDS, min_size=1, max_size=8)


def _chain(deeds: list[Deed]) -> list[Entry]:
    entries: list[Entry] = []
    for number, deed in enumerate(deeds, 1):
        entries.append(link(entries[-1].digest if entries else GENESIS, number, 1000 + number, deed))
    return entries


def _head(entry: Entry, key: SigningKey = KEY) -> SignedHead:
    message = head_message(entry.seq, entry.digest, 5)
    return SignedHead(entry.seq, entry.digest, 5, key.public_key, key.sign(message))


@given(CHAINS)
def test_a_chain_that_nobody_touched_holds(deeds: list[Deed]) -> None:
    entries = _chain(deeds)
    report = verify(iter(entries), [_head(entry) for entry in entries], _head(entries[0]))
    assert (report.faults, report.entries, report.last_seq) == ([], len(deeds), len(deeds))
    assert report.last_digest == entries[-1].digest
    assert report.keys == [KEY.public_key]


@given(CHAINS, st.data())
def test_a_changed_line_is_found_at_its_place(deeds: list[Deed], data: st.DataObject) -> None:
    entries = _chain(deeds)
    place = data.draw(st.integers(0, len(entries) - 1))
    position = data.draw(st.integers(0, len(entries[place].line) - 1))
    line = entries[place].line
    other = "x" if line[position] != "x" else "y"
    entries[place] = replace(entries[place], line=line[:position] + other + line[position + 1 :])
    assert [fault.seq for fault in verify(iter(entries), []).faults] == [place + 1]


@given(st.lists(DEEDS, min_size=3, max_size=8), st.data())
def test_a_removed_entry_is_missing(deeds: list[Deed], data: st.DataObject) -> None:
    entries = _chain(deeds)
    place = data.draw(st.integers(0, len(entries) - 2))
    del entries[place]
    faults = verify(iter(entries), []).faults
    assert faults[0].seq == place + 1
    assert "missing" in faults[0].cause


@given(CHAINS)
def test_a_log_cut_off_its_end_or_written_anew_differs_from_a_saved_head(deeds: list[Deed]) -> None:
    entries = _chain([*deeds, Deed("hosts.remove", Outcome.DONE, "mallory")])
    saved = _head(entries[-1])
    assert "cut off" in verify(iter(entries[:-1]), [], saved).faults[0].cause
    rewritten = _chain([*deeds, Deed("hosts.remove", Outcome.DONE, "somebody else")])
    assert "rewritten" in verify(iter(rewritten), [], saved).faults[0].cause


def test_a_head_that_another_key_signed_is_not_ours() -> None:
    entries = _chain([Deed("users.add", Outcome.DONE, "root")])
    foreign = _head(entries[0], SigningKey.generate())
    faults = verify(iter(entries), [_head(entries[0])], foreign).faults
    assert ["signed by a key that signed none" in fault.cause for fault in faults] == [True]
    forged = replace(_head(entries[0]), digest="1" * 64)
    assert not is_genuine(forged)
    assert "signature" in verify(iter(entries), [forged]).faults[0].cause


def test_entries_that_swapped_places_are_found() -> None:
    entries = _chain([Deed("a.b", Outcome.DONE, str(number)) for number in range(3)])
    swapped = [entries[0], replace(entries[2], seq=2), replace(entries[1], seq=3)]
    assert {fault.seq for fault in verify(iter(swapped), []).faults} == {2, 3}


def test_the_bytes_of_an_entry_are_fixed() -> None:
    # Saved heads and exports of years ago must verify for ever: this line may not change.
    deed = Deed("hosts.remove", Outcome.DONE, "åsa", target="web1", before={"b": 1, "a": None})
    entry = link(GENESIS, 1, 1_760_000_000_000, deed)
    assert entry.line == (
        '{"action":"hosts.remove","actor":"\\u00e5sa","actor_id":"","actor_kind":"","address":"","after":null,'
        '"at_ms":1760000000000,"before":{"a":null,"b":1},"count":1,"detail":"","outcome":"done","request_id":"",'
        '"seq":1,"target":"web1"}'
    )
    assert json.loads(entry.line)["seq"] == 1
    assert entry.digest == "4a1f48d5d9c29cf18d3aeb86f3d4e6454e092a9556f8fe02c349620d0a941ae0"

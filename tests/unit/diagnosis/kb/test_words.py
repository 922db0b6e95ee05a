"""Text of operations as stems, and the marks of the thesaurus."""

import pytest

from nagare.diagnosis.kb.stems import stem
from nagare.diagnosis.kb.thesaurus import parse, shipped
from nagare.diagnosis.kb.words import COMMON, words


@pytest.mark.parametrize(
    "forms",
    [
        ("expires", "expired", "expiring", "expiry", "expiration"),
        ("saturated", "saturation"),
        ("configuration", "configured"),
        ("failures", "failing", "failed"),
        ("queues", "queueing", "queued"),
        ("restarts", "restarting"),
        ("notifies", "notified", "notification"),
        ("disks", "discs"),
    ],
)
def test_forms_of_one_word_have_one_stem(forms: tuple[str, ...]) -> None:
    assert len({stem(form) for form in forms}) == 1


def test_short_words_and_names_stay() -> None:
    assert [stem(word) for word in ("dns", "bus", "status", "process", "sda5", "used")] == [
        "dns", "bus", "status", "process", "sda5", "used",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("text", "held"),
    [
        ("NodeFilesystemAlmostOutOfSpace", {"filesystem", "almost", "out", "spac"}),
        ("node_filesystem_avail_bytes", {"filesystem", "avail", "byte"}),
        ("PostgreSQLReplicationLag", {"postgresql", "replic", "lag"}),
        ("TLSCertExpiry", {"tls", "cert", "expir"}),
        ("48ms", {"millisecond"}),
        ("48 ms", {"millisecond"}),
        ("16GiB", {stem("gigabytes")}),
        ("97 %", {"percent"}),
        ("71 °C", {stem("degrees")}),
        ("took 15m", {stem("minutes")}),
        ("HTTP 502 and 5xx", {"http", "502", "5xx"}),
    ],
)
def test_a_name_or_a_unit_is_its_words(text: str, held: set[str]) -> None:
    assert held <= set(words(text))


def test_figures_of_the_moment_are_no_words() -> None:
    assert words("3.8 17 123456789") == []


def test_common_words_are_stems() -> None:
    assert {"the", "percent", stem("minutes")} <= COMMON
    assert "disk" not in COMMON


def test_the_longest_phrase_counts() -> None:
    found = parse("# a comment\nsession, connection\ndown, connection refused\n")
    assert found.marks(words("connection refused by web1")) == ["#1"]
    assert found.marks(words("connections")) == ["#0"]
    assert found.knows("down")
    assert not found.knows("refus")


def test_the_shipped_thesaurus_brings_two_ways_to_say_it_together() -> None:
    groups = shipped()
    for one, other in (
        ("replica lags", "standby is behind"),
        ("certificate expires", "x509 renewal"),
        ("no space left", "filesystem almost full"),
        ("clock skew", "time drift"),
    ):
        assert set(groups.marks(words(one))) & set(groups.marks(words(other))), (one, other)

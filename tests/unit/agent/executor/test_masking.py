import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from nagare.agent.executor.masking import LINE_LIMIT, MASK, Masker

SECRETS = (b"hunter2hunter3", b"hunter2", b"ababab", b"s3cret!\nwith lines that are long")


def _whole(content: bytes, secrets: tuple[bytes, ...] = SECRETS) -> bytes:
    masker = Masker(secrets)
    return masker.feed(content) + masker.finish()


def _in_pieces(content: bytes, cuts: list[int], secrets: tuple[bytes, ...] = SECRETS) -> bytes:
    masker, out, at = Masker(secrets), b"", 0
    for cut in [*sorted(cut % (len(content) + 1) for cut in cuts), len(content)]:
        out += masker.feed(content[at:cut])
        at = cut
    return out + masker.finish()


PARTS = st.sampled_from(
    [
        *SECRETS, b"hunter2hunter", b"hunt", b"abab", b"a", b"\n", b"\r\n", b" ", b"=", b"password=", b"token: ", b"x" * 700,
        b"-----BEGIN RSA PRIVATE KEY-----", b"-----END RSA PRIVATE KEY-----", b"MIIE", b"://u:pw@h/", b"AKIAIOSFODNN7EXAMPLE",
        b"Authorization: Bearer abc.def", b"\x1b[0m", b"\xff\x00", b"y\n" * 50, b"z" * LINE_LIMIT, b"eyJhbGciOi.eyJzdWIiOi.c2lnbmF0dX",
    ]
)  # fmt: skip


@given(st.lists(PARTS, max_size=14).map(b"".join), st.lists(st.integers(0, 30_000), max_size=8))
@example(b"a" * LINE_LIMIT + b"\n", [LINE_LIMIT])
@example(b"x\r\n", [2])
def test_how_a_stream_was_cut_makes_no_difference(content: bytes, cuts: list[int]) -> None:
    assert _in_pieces(content, cuts) == _whole(content)


@given(st.lists(PARTS, max_size=14).map(b"".join), st.lists(st.integers(0, 30_000), max_size=8))
def test_no_secret_comes_through(content: bytes, cuts: list[int]) -> None:
    out = _in_pieces(content, cuts)
    assert b"hunter2" not in out
    assert b"ababab" not in out


@given(st.binary(max_size=300), st.binary(min_size=4, max_size=20), st.binary(max_size=300))
def test_any_secret_is_masked_wherever_it_stands(before: bytes, secret: bytes, after: bytes) -> None:
    out = b"".join(map(bytes, [_in_pieces(before + secret + after, list(range(700)), (secret,))]))
    assert secret not in out or secret in MASK


@pytest.mark.parametrize(
    ("line", "masked"),
    [
        (b"password=hunter1", b"password=[masked]"),
        (b'{"api_key": "abcdef", "x": 1}', b'{"api_key": "[masked]", "x": 1}'),
        (b"Authorization: Bearer abc.def-1", b"Authorization: Bearer [masked]"),
        (b"DB_PASSWORD: s3", b"DB_PASSWORD: [masked]"),
        (b"https://ann:s3cret@host/x", b"https://ann:[masked]@host/x"),
        (b"key AKIAIOSFODNN7EXAMPLE!", b"key [masked]!"),
        (b"ghp_0123456789012345678901234567890123456789", b"[masked]"),
        (b"passwords are changed monthly", b"passwords are changed monthly"),
        (b"the token bucket is full", b"the token bucket is full"),
    ],
)
def test_what_looks_like_a_secret(line: bytes, masked: bytes) -> None:
    assert _whole(line) == masked


def test_a_private_key_is_masked_line_by_line() -> None:
    key = b"a\n-----BEGIN PRIVATE KEY-----\nMIIEv\nQIBAD\n-----END PRIVATE KEY-----\nb\n"
    assert _whole(key) == b"a\n[masked]\n[masked]\n[masked]\n[masked]\nb\n"


def test_a_block_without_end_does_not_hide_everything() -> None:
    out = _whole(b"-----BEGIN PRIVATE KEY-----\n" + b"x" * 100 + b"\n" + b"line\n" * 10_000)
    assert out.endswith(b"line\nline\n")


def test_forms_of_a_secret_are_masked_too() -> None:
    assert _whole(b"x aHVudGVyMg== y") == b"x [masked] y"
    assert b"p%40ss" not in _whole(b"https://h/?p%40ss%2Fword&x", (b"p@ss/word",))


def test_a_flood_is_masked_without_being_held() -> None:
    masker = Masker(SECRETS)
    told = sum(len(masker.feed(b"y\n" * 16_384)) for _ in range(20))
    assert told == 20 * 32_768

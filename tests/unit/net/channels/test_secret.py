"""Secrets of channels: where they come from, and that nothing repeats them."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nagare.errors import ConfigError, UnavailableError
from nagare.model.notify.receiver import Channel, ChannelKind
from nagare.net.channels.secret import Secrets, hidden
from tests.support.outgoing_notices import channel


async def _read(one: Channel) -> str:
    secrets = Secrets()
    try:
        return await secrets.read(one)
    finally:
        secrets.close()


async def test_a_file_is_read_anew_each_time(tmp_path: Path) -> None:
    path = tmp_path / "token"
    one = channel(ChannelKind.NTFY, secret_file=str(path))
    for text in ("tk_one", "tk_two"):
        path.write_text(f"{text}\n")
        assert await _read(one) == text


async def test_a_variable_is_one_too(monkeypatch: pytest.MonkeyPatch) -> None:
    one = Channel("ops/phone", ChannelKind.NTFY, secret_env="CHANNEL_TOKEN")
    with pytest.raises(ConfigError, match="environment variable CHANNEL_TOKEN is not set"):
        await _read(one)
    monkeypatch.setenv("CHANNEL_TOKEN", "tk_one")
    assert await _read(one) == "tk_one"


async def test_a_channel_may_have_none() -> None:
    assert await _read(channel(ChannelKind.NTFY)) == ""


@pytest.mark.parametrize(
    ("content", "cause"),
    [(None, "no such file or directory"), (b"", "one line"), (b"a\nb", "one line"), (b"a\x00b", "one line"), (b"\xff\xfe", "not UTF-8")],
)  # fmt: skip
async def test_a_file_that_holds_no_secret_is_told(tmp_path: Path, content: bytes | None, cause: str) -> None:
    path = tmp_path / "token"
    if content is not None:
        path.write_bytes(content)
    # What is written anew, or on a share that is away, may be there at the next try.
    kind = ConfigError if content else UnavailableError
    with pytest.raises(kind, match=f"cannot send to ops/phone: cannot use its secret: .*{cause}"):
        await _read(channel(ChannelKind.NTFY, secret_file=str(path)))


@pytest.mark.parametrize(
    ("text", "secret", "shown"),
    [
        ("POST /services/T0AB/SECRET1 of hooks.example", "https://hooks.example/services/T0AB/SECRET1", "POST /***/T0AB/*** of hooks.example"),
        ("token 123456:ABC-def_1 and ABC-def_1", "123456:ABC-def_1", "token *** and ***"),
        ("user p%40ssw0rd or p@ssw0rd", "https://u:p%40ssw0rd@h.example/", "user *** or p@***"),
        ("short", "", "short"),
        ("https://h.example is away", "https://h.example/x?key=abcdefg", "https://h.example is away"),
        ("signl4://mysecretteamtoken is away", "signl4://mysecretteamtoken", "*** is away"),
        ("mysecretteamtoken of signl4", "signl4://mysecretteamtoken", "*** of signl4"),
        ("alice_b or passwd1", "alice_b:passwd1", "*** or ***"),
    ],
)  # fmt: skip
def test_what_is_told_holds_no_secret(text: str, secret: str, shown: str) -> None:
    assert hidden(text, secret) == shown


@given(secret=st.text(min_size=1, max_size=40), before=st.text(max_size=10), after=st.text(max_size=10))
def test_the_whole_of_a_secret_is_never_told(secret: str, before: str, after: str) -> None:
    if "*" not in secret:
        assert secret not in hidden(before + secret + after, secret)

"""Command lines: their shape stays, their values do not."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nagare.collect.process.command import format_command, mask_command


@pytest.mark.parametrize(
    ("raw", "shown"),
    [
        (b"/usr/sbin/mysqld\0--user=mysql\0-pSecret\0/etc/my.cnf\0", "mysqld --user=*** -p*** ***"),
        (b"curl\0-u\0me:hunter2\0https://x/?token=1\0", "curl -u ***"),
        (b"python3\0-m\0nagare\0serve\0", "python3 -m ***"),
        (b"java\0-Xmx4g\0-Dkey=s3cr3t\0-jar\0app.jar\0", "java -X*** -D*** -j*** ***"),
        (b"app\0--password\0hunter2\0--verbose\0", "app --password *** --verbose"),
        (b"app\0--\0-\0x\0", "app -- - ***"),
        (b"app\0--bad flag=1\0", "app ***"),
        (b"postgres: walwriter \0\0\0\0", "postgres: ***"),
        (b"nginx: master process /usr/sbin/nginx -g daemon off;", "nginx: *** -g ***"),
        (b"/opt/google/chrome/chrome --type=renderer --token=abc", "chrome --type=*** --token=***"),
        (b"/opt/My App/bin/tool\0--x\0", "tool --x"),
        (b"/opt/App/bin/my tool\0y\0", "my ***"),
        (b"\0\0", None),
        (b"", None),
        (b"   ", "***"),
    ],
)
def test_masked(raw: bytes, shown: str | None) -> None:
    assert format_command(raw, "masked") == shown


def test_full_and_off() -> None:
    raw = b"/bin/app\0--key=1\0caf\xe9\0"
    assert format_command(raw, "full") == "/bin/app --key=1 caf\N{REPLACEMENT CHARACTER}"
    assert format_command(raw, "off") is None


def test_length_is_bounded() -> None:
    assert len(format_command(b"a\0" + b"--f" * 9000, "full") or "") == 4096


SECRET = "hunter2"
FLAGS = st.sampled_from(["--password=", "--password", "-p", "-u", "", "--url=https://u:", "-Dx="])


@given(st.lists(st.tuples(FLAGS, st.booleans()), max_size=6))
def test_values_never_show(parts: list[tuple[str, bool]]) -> None:
    words = ["prog"]
    for flag, is_glued in parts:
        if is_glued and not (flag.startswith("--") and "=" not in flag):
            words.append(flag + SECRET)
        else:
            words.extend([flag, SECRET])
    assert SECRET not in mask_command(words)


@given(st.binary())
def test_any_bytes(raw: bytes) -> None:
    for mode in ("masked", "full", "off"):
        shown = format_command(raw, mode)
        assert shown is None or len(shown.encode()) <= 4 * 4096

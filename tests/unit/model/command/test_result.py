from nagare.model.command.result import StreamKept


def test_output_is_cleaned_before_anybody_sees_it() -> None:
    text = StreamKept(b"ok\n\x1b[2J\x1b]0;title\x07\xff\tend\n", total_bytes=30).text()
    assert "\x1b" not in text
    assert "\x07" not in text
    assert text.splitlines()[0] == "ok"


def test_what_was_dropped_is_told() -> None:
    assert StreamKept(b"a\n", b"z\n", 100, 96).text() == "a\n… 96 bytes dropped …\nz"


def test_a_character_on_the_border_of_head_and_tail_is_whole() -> None:
    assert StreamKept("é".encode()[:1], "é".encode()[1:], 2, 0).text() == "é"

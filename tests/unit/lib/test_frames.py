import pytest

from nagare.lib.frames import frames_of


def _inner() -> None:
    raise RuntimeError("https://secret.example/token")


def test_the_type_and_the_places_are_told_and_not_what_it_says() -> None:
    with pytest.raises(RuntimeError) as raised:
        _inner()
    told = frames_of(raised.value)
    assert told.startswith("RuntimeError < test_frames.py:")
    assert " _inner < test_frames.py:" in told
    assert "secret" not in told

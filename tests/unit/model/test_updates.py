import pytest

from nagare.errors import InputError
from nagare.model.updates import bundle_name, is_older, is_version, parse_bundle_name, version_key

ORDER = [
    "0.1",
    "0.1.0.dev3",
    "0.2.0a1",
    "0.2.0b1",
    "0.2.0rc1",
    "0.2.0rc2",
    "0.2.0",
    "0.2.0.post1",
    "0.2.1",
    "0.10.0",
    "1.0",
]


def test_versions_have_an_order() -> None:
    ordered = sorted(ORDER, key=version_key)
    assert [text for text in ordered if text not in ("0.1", "0.1.0.dev3")] == ORDER[2:]
    assert is_older("0.1.0.dev3", "0.1")
    assert not is_older("0.2.0", "0.2")


@pytest.mark.parametrize("text", ["", "1", "v1.0", "1.0-1", "1.0 ", "1..0", "1.0.0.0.0", "1.0rc", "9" * 12 + ".0"])
def test_other_texts_are_none(text: str) -> None:
    assert not is_version(text)
    with pytest.raises(InputError):
        version_key(text)


def test_names_tell_version_and_processor() -> None:
    assert parse_bundle_name(bundle_name("0.2.0rc1", "aarch64")) == ("0.2.0rc1", "aarch64")
    for name in ("nagare-agent-x-linux-x86_64.pyz", "../nagare-agent-0.2.0-linux-x86_64.pyz", "agent.pyz"):
        with pytest.raises(InputError):
            parse_bundle_name(name)

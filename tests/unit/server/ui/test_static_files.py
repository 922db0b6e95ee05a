"""The files that pages load: a closed list, those of others as they were published, and none that asks elsewhere."""

import gzip
import hashlib
import re

import pytest

from nagare.server.ui.static_files import MEDIA, static_file
from tests.support.source import ROOT

FOLDER = ROOT / "src" / "nagare" / "server" / "ui" / "static"
OWN = ("landing.js", "room.js", "ui.css", "icon.svg")


def test_the_list_is_what_stands_in_the_folder() -> None:
    assert {path.name for path in FOLDER.iterdir()} == set(MEDIA)
    assert static_file("../html.py") is None
    assert static_file("nothing.js") is None


def test_what_others_wrote_is_unchanged_and_its_licence_is_with_it() -> None:
    licence = (FOLDER / "xterm.LICENSE.txt").read_text()
    told = dict(reversed(line.split()) for line in re.findall(r"^[0-9a-f]{64}  \S+$", licence, re.MULTILINE))
    found = {name: hashlib.sha256((FOLDER / name).read_bytes()).hexdigest() for name in told}
    assert found == told
    assert set(told) | set(OWN) | {"xterm.LICENSE.txt"} == set(MEDIA)
    assert "Permission is hereby granted, free of charge" in licence


@pytest.mark.parametrize("name", MEDIA)
def test_a_file_is_sent_whole_packed_or_not(name: str) -> None:
    file = static_file(name)
    assert file is not None
    assert file.content == (FOLDER / name).read_bytes() == gzip.decompress(file.packed)


@pytest.mark.parametrize("name", OWN)
def test_nothing_of_ours_names_another_origin(name: str) -> None:
    text = (FOLDER / name).read_text().replace("http://www.w3.org/2000/svg", "")
    assert not re.search(r"https?://|//[a-z]+\.", text)

"""A model in a package's files: its pieces, its table, and what is told of one that does not read."""

import json
import struct
from pathlib import Path

import numpy as np
import pytest

from nagare.diagnosis.kb.embedding import WordVectors, read_tensor
from nagare.diagnosis.kb.pieces import read_pieces
from nagare.errors import StorageError

_BLANK = "\N{LOWER ONE EIGHTH BLOCK}"
_TEXTS = [_BLANK, "d", "i", "s", "k", "u", "l", "di", "sk", "disk", f"{_BLANK}disk", "<0xC3>", "<0xBC>"]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A model of a few pieces, laid out as the package has its own."""
    (tmp_path / "weights").mkdir()
    (tmp_path / "tokenizers").mkdir()
    model = {
        "type": "BPE",
        "vocab": {text: number for number, text in enumerate(_TEXTS)},
        "merges": ["d i", "s k", "di sk", [_BLANK, "disk"]],
    }
    (tmp_path / "tokenizers/l2_supercat_tokenizer_config.json").write_text(json.dumps({"model": model}))
    table = np.eye(len(_TEXTS), dtype=np.float16).tobytes()
    about = {"embedding.weight": {"dtype": "F16", "shape": [len(_TEXTS)] * 2, "data_offsets": [0, len(table)]}}
    header = json.dumps(about).encode()
    (tmp_path / "weights/l2_supercat_256.safetensors").write_bytes(struct.pack("<Q", len(header)) + header + table)
    return tmp_path


def test_a_word_is_cut_as_the_model_was_made(folder: Path) -> None:
    pieces = read_pieces(folder / "tokenizers/l2_supercat_tokenizer_config.json")
    assert pieces.numbers_of("disk  disk\n") == [10, 10]
    assert pieces.numbers_of("disku") == [10, 5]
    assert pieces.numbers_of("ü") == [0, 11, 12]
    assert pieces.numbers_of("x") == [0]


def test_a_text_is_the_mean_of_its_pieces(folder: Path) -> None:
    model = WordVectors(folder)
    same, mixed, nothing = model.embed(["disk disk", "disk l", ""])
    assert same[10] == pytest.approx(1)
    assert np.linalg.norm(mixed) == pytest.approx(1)
    assert mixed[10] == pytest.approx(mixed[6])
    assert not nothing.any()


@pytest.mark.parametrize("content", [b"", b"\xff" * 8, struct.pack("<Q", 2) + b"{}", struct.pack("<Q", 4) + b"null"])
def test_a_broken_table_is_told(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "x").write_bytes(content)
    with pytest.raises(StorageError, match="cannot read model"):
        read_tensor(tmp_path / "x", "embedding.weight")


@pytest.mark.parametrize(
    "content", ["", "{}", '{"model":{"type":"WordPiece"}}', '{"model":{"type":"BPE","merges":[1]}}']
)
def test_broken_pieces_are_told(tmp_path: Path, content: str) -> None:
    (tmp_path / "x").write_text(content)
    with pytest.raises(StorageError, match="cannot read model"):
        read_pieces(tmp_path / "x")

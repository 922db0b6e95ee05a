"""Sentences as vectors, by a small model that comes inside a package: the seam, and the one model that stands behind it.

The model orders pages that fit by their words; it never decides alone that a page fits. Nothing is downloaded: the weights
and the tokenizer are read from the files of the package ``wordllama`` (the extra ``embeddings``), none of whose code runs.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from nagare.diagnosis.kb.pieces import read_pieces
from nagare.errors import StorageError

Vectors = NDArray[np.float32]
# A table of a model as its file has it: half floats, mostly.
Table = NDArray[np.floating[Any]]
# What of a passage is looked at: its beginning says what it is about.
TEXT_LIMIT = 1500
_PACKAGE = "wordllama"
_WEIGHTS = "weights/l2_supercat_256.safetensors"
_TOKENIZER = "tokenizers/l2_supercat_tokenizer_config.json"
_TENSOR = "embedding.weight"
# Far above any table of its kind; more is no such file.
_HEADER_LIMIT = 2**20
_TYPES = {"F16": "<f2", "F32": "<f4"}


class Embedder(Protocol):
    """What makes vectors of texts; safe to use from one thread at a time."""

    @property
    def name(self) -> str:
        """The model's name."""
        ...

    def embed(self, texts: Sequence[str]) -> Vectors:
        """Return one row a text, of length 1 (0 for a text without words): near in meaning is near in direction."""
        ...


class WordVectors:
    """The mean of the vectors of a text's tokens."""

    def __init__(self, folder: Path) -> None:
        """Read the model in ``folder``. Raises StorageError."""
        self._vectors = read_tensor(folder / _WEIGHTS, _TENSOR)
        self._pieces = read_pieces(folder / _TOKENIZER)

    @property
    def name(self) -> str:
        """The model's name."""
        return "wordllama l2_supercat 256"

    def embed(self, texts: Sequence[str]) -> Vectors:
        """Return one row a text."""
        found = np.zeros((len(texts), self._vectors.shape[1]), dtype=np.float32)
        for row, text in zip(found, texts, strict=True):
            numbers = self._pieces.numbers_of(text[:TEXT_LIMIT])
            if numbers:
                row += self._vectors[numbers].mean(axis=0, dtype=np.float32)
                row /= max(float(np.linalg.norm(row)), 1e-9)
        return found


def find_embedder() -> Embedder | None:
    """Return the model that is installed, None where there is none. Raises StorageError for one that does not read."""
    spec = find_spec(_PACKAGE)
    folders = [] if spec is None else [Path(place) for place in spec.submodule_search_locations or ()]
    found = next((folder for folder in folders if (folder / _WEIGHTS).is_file()), None)
    return None if found is None else WordVectors(found)


def read_tensor(path: Path, name: str) -> Table:
    """Return a table of half floats of a safetensors file, as it is there. Raises StorageError."""
    try:
        data = path.read_bytes()
        (size,) = struct.unpack_from("<Q", data)
        about = json.loads(data[8 : 8 + min(size, _HEADER_LIMIT)])[name]
        begin, end = about["data_offsets"]
        table = np.frombuffer(data[8 + size + begin : 8 + size + end], dtype=_TYPES[about["dtype"]])
        return table.reshape(about["shape"])
    except (OSError, ValueError, KeyError, TypeError, struct.error) as error:
        raise StorageError(
            f"cannot read model {path}: {error}", hint="install the extra again: nagare[embeddings]"
        ) from error

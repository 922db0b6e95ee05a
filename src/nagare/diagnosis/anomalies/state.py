"""The file in which the scores outlast the server: the arrays of the detector and who stands where.

It is derived from what came in, so that one that cannot be read costs a while of learning and nothing else.
"""

from __future__ import annotations

import io
import logging
import zipfile
from collections.abc import Container, Sequence
from pathlib import Path

import numpy as np

from nagare.diagnosis.anomalies.intake import COLUMNS, SeriesName
from nagare.errors import InputError
from nagare.insights.anomalies.detector import Detector
from nagare.lib.atomic_file import write_atomic
from nagare.model.tables import TABLES
from nagare.wire.codec import decode, encode

log = logging.getLogger(__name__)
# Another shape or meaning of the arrays has another number. Of the second the rows lay in the order of time.
_VERSION, _IN_ORDER_VERSION = 3, 2
_Name = tuple[str, str, str, tuple[str, ...]]


def save_state(path: Path, names: Sequence[SeriesName | None], detector: Detector, stopped: Container[int]) -> None:
    """Write the state to ``path``; ``stopped`` are places of series that were told to have stopped. Raises OSError."""
    # One that was given a place and has no row yet would never give it up.
    known = [(at, one) for at, one in enumerate(names) if one is not None and detector.last_ms[at]]
    listed = encode([(one.host, one.table, one.column, one.keys) for _, one in known])
    places = np.array([at for at, _ in known], dtype=np.int64)
    content = io.BytesIO()
    np.savez(
        content, version=np.array(_VERSION), names=np.frombuffer(listed, dtype=np.uint8), allow_pickle=False,
        stopped=np.array([at in stopped for at, _ in known], dtype=np.bool_),
        **{name: array[places] for name, array in detector.arrays().items()},
    )  # fmt: skip
    write_atomic(path, content.getvalue(), durable=False)


def load_state(path: Path, limit: int) -> tuple[list[SeriesName | None], Detector, list[int]]:
    """Return the state in ``path`` as ``save_state`` took it, an empty one where there is none, it is not ours, or holds more than ``limit``."""
    try:
        # Whole first: an archive that is none leaves no open file behind.
        with np.load(io.BytesIO(path.read_bytes()), allow_pickle=False) as kept:
            if int(kept["version"]) in (_VERSION, _IN_ORDER_VERSION):
                names = [_series(one) for one in decode(kept["names"].tobytes(), list[_Name])]
                if len(names) <= limit:
                    detector = Detector(len(names))
                    detector.restore({name: kept[name] for name in detector.arrays() if name in kept})
                    detector.forget(np.array([at for at, name in enumerate(names) if name is None], dtype=np.int64))
                    return names, detector, np.flatnonzero(kept["stopped"][: len(names)]).tolist()
        log.warning("anomaly_state_left path=%s reason=made for other settings or by another version", path)
    except FileNotFoundError:
        pass
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile, InputError) as error:
        log.warning("anomaly_state_unreadable path=%s error=%s", path, type(error).__name__)
    return [], Detector(0), []


def _series(kept: _Name) -> SeriesName | None:
    """Return the series of that name, None for one that is scored no more."""
    host, table, column, keys = kept
    is_known = column in COLUMNS.get(table, ()) and len(keys) == len(TABLES[table].keys)
    return SeriesName(host, table, column, keys) if is_known else None

"""Brings back from the bucket what a machine lost: the catalog, the series, and the blocks that are newer than its copy.

Blocks themselves stay in the bucket until somebody reads them. Those that the copy of the catalog does not list yet are
fetched and asked what they hold: rows that came after the copy are adopted; what a merge or a rollup made of listed
blocks is left alone, for its sources are still there.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Sequence
from pathlib import Path

import duckdb

from nagare.config.places import Places
from nagare.config.settings import BucketSettings
from nagare.errors import BucketUnavailableError
from nagare.lib.atomic_file import sync_directory
from nagare.metrics.blocks.catalog import Block, Catalog, Rollups, Unrolled
from nagare.metrics.blocks.checksum import file_checksum, named_checksum
from nagare.metrics.blocks.files import BlockFiles, make_folders, sync_file
from nagare.metrics.blocks.recover import Found, read_block
from nagare.metrics.bucket.keys import BLOCKS, CATALOG, SERIES, block_key, block_path
from nagare.metrics.bucket.objects import ObjectStore
from nagare.metrics.bucket.owner import Installation, claim
from nagare.metrics.engine import Engine
from nagare.metrics.rollups.hours import hours_of, is_rolled, split_table

log = logging.getLogger(__name__)


def prepare(objects: ObjectStore, places: Places, settings: BucketSettings) -> bool:
    """Take the bucket into use before the catalog is opened; tell whether a copy of the catalog was brought back.

    A bucket that is away holds up only an installation that begins, which cannot know whether it is one. Raises
    ConfigError for a bucket that is another's, BucketUnavailableError.
    """
    has_catalog = places.catalog.exists() and places.catalog.stat().st_size > 0
    is_new = not has_catalog and next(places.metrics.glob("*/date=*/*.parquet"), None) is None
    own = Installation.load_or_make(places.metrics)
    try:
        claim(objects, own, settings.take_over, is_new=is_new)
        _bring_series(objects, places.metrics)
        return not has_catalog and _bring_catalog(objects, places)
    except BucketUnavailableError as error:
        if not has_catalog:
            raise
        log.warning("bucket_away error=%s", error.message)
        return False


def adopt_newer(
    objects: ObjectStore, catalog: Catalog, files: BlockFiles, engine: Engine, damages: list[str]
) -> list[Block]:
    """Adopt blocks, here or in the bucket, whose rows came after the catalog's copy was made; return them."""
    listed = catalog.blocks()
    known = {block.path for block in listed} | set(catalog.removed())
    here = {path for path in files.find_files() if path.endswith(".parquet")}
    candidates = sorted(({block_path(key) for key in objects.list(BLOCKS)} | here) - known)
    looked = [_look(objects, files, engine, path, damages) for path in candidates]
    checkpoint = catalog.checkpoint_index()
    kept, covered = choose(listed, [found for found in looked if found is not None], checkpoint)
    blocks = [found.block for found in kept]
    if kept:
        last = max(checkpoint, *(block.log_last for block in blocks))
        foreign = [row for found in kept for row in found.foreign]
        catalog.replace_blocks([block for block in listed if block.id in covered], ())
        catalog.adopt(blocks, foreign, last, Rollups(tuple(_unrolled(blocks)), catalog.floor_ms()))
    damages.append(
        f"catalog.db was brought back from bucket {objects.name} with {len(kept)} newer blocks; batches stored since its"
        " copy are not recognised if they are repeated"
    )
    log.warning("catalog_restored bucket=%s newer_blocks=%d", objects.name, len(kept))
    return blocks


def choose(listed: Sequence[Block], found: Sequence[Found], checkpoint: int) -> tuple[list[Found], set[str]]:
    """Return which of ``found`` have rows from after ``checkpoint`` and count, and the ids of blocks that they stand for.

    A merged block names its sources. Where one of them is known nowhere, it may itself have stood for blocks that are
    known, so such a merged block counts only when no other of its table and day has records of its range: rather the
    last minutes are missing than there twice.
    """
    sources_of = {one.block.id: one.sources for one in found}
    everything = {block.id: block for block in (*listed, *(one.block for one in found))}
    able = [
        one
        for one in found
        if one.block.log_last > checkpoint
        and (one.sources <= everything.keys() or not _has_rival(one.block, everything.values()))
    ]
    covered: set[str] = set()
    waiting = [source for one in able for source in one.sources]
    while waiting:
        source = waiting.pop()
        if source not in covered:
            covered.add(source)
            waiting.extend(sources_of.get(source, ()))
    return [one for one in able if one.block.id not in covered], covered


def _has_rival(block: Block, others: Iterable[Block]) -> bool:
    return any(
        other.id != block.id
        and (other.table, other.day) == (block.table, block.day)
        and other.log_first <= block.log_last
        and other.log_last >= block.log_first
        for other in others
    )


def _bring_series(objects: ObjectStore, metrics: Path) -> None:
    for key in objects.list(SERIES):
        target = metrics / key
        if not target.exists():
            _bring(objects, key, metrics, target)


def _bring_catalog(objects: ObjectStore, places: Places) -> bool:
    try:
        _bring(objects, CATALOG, places.catalog.parent, places.catalog)
    except FileNotFoundError:
        # It never got so far: the blocks say by themselves what they hold.
        for key, size in objects.list(BLOCKS).items():
            target = places.metrics / block_path(key)
            if not target.exists() or target.stat().st_size != size:
                _bring(objects, key, places.metrics, target)
        return False
    return True


def _bring(objects: ObjectStore, key: str, root: Path, target: Path) -> None:
    if target.parent != root:
        target.parent.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        make_folders(root, target.parent)
    temporary = target.with_name(f"{target.name}.tmp")
    try:
        objects.get(key, temporary)
        sync_file(temporary)
        temporary.rename(target)
        sync_directory(target.parent)
    finally:
        temporary.unlink(missing_ok=True)


def _look(objects: ObjectStore, files: BlockFiles, engine: Engine, path: str, damages: list[str]) -> Found | None:
    target = files.directory / path
    try:
        if not target.exists():
            _bring(objects, block_key(path), files.directory, target)
        if named_checksum(path) not in (None, file_checksum(target)):
            damages.append(f"{path}: cannot be adopted: it holds other bytes than were written")
            return None
        with engine.cursor() as cursor:
            return read_block(cursor, files.directory, path)
    except (FileNotFoundError, duckdb.Error, ValueError, KeyError) as error:
        damages.append(f"{path}: cannot be adopted: {str(error).splitlines()[0]}")
        return None


def _unrolled(blocks: Iterable[Block]) -> Iterable[Unrolled]:
    hours = {
        (block.table, hour)
        for block in blocks
        if split_table(block.table)[1] is None and is_rolled(block.table)
        for hour in hours_of(block.min_ms, block.max_ms)
    }
    return (Unrolled(table, hour, 0, 0) for table, hour in sorted(hours))

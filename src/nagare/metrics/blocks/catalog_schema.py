"""The tables of ``catalog.db``, version by version."""

from __future__ import annotations

SCHEMA_VERSION = 4
TABLES = """
CREATE TABLE facts (name TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE blocks (
  path TEXT PRIMARY KEY, metric_table TEXT NOT NULL, day TEXT NOT NULL, min_ms INTEGER NOT NULL,
  max_ms INTEGER NOT NULL, rows INTEGER NOT NULL, bytes INTEGER NOT NULL, columns TEXT NOT NULL,
  log_first INTEGER NOT NULL, log_last INTEGER NOT NULL
) WITHOUT ROWID;
CREATE TABLE columns (
  position INTEGER PRIMARY KEY, metric_table TEXT NOT NULL, name TEXT NOT NULL, type TEXT NOT NULL,
  UNIQUE (metric_table, name)
);
CREATE TABLE seqs (
  host TEXT NOT NULL, boot TEXT NOT NULL, first INTEGER NOT NULL, last INTEGER NOT NULL, last_ms INTEGER NOT NULL,
  PRIMARY KEY (host, boot, first)
) WITHOUT ROWID;
CREATE TABLE event_ids (id TEXT PRIMARY KEY, received_ms INTEGER NOT NULL) WITHOUT ROWID;
"""
# What version 2 brought.
SAMPLES_TABLES = """
CREATE TABLE series (number INTEGER PRIMARY KEY, name TEXT NOT NULL, host TEXT NOT NULL, labels TEXT NOT NULL);
CREATE TABLE newest (part INTEGER PRIMARY KEY, series BLOB NOT NULL, ts_ms BLOB NOT NULL, value BLOB NOT NULL);
CREATE TABLE metric_metadata (name TEXT PRIMARY KEY, type TEXT NOT NULL, unit TEXT NOT NULL, help TEXT NOT NULL)
  WITHOUT ROWID;
"""
# What version 3 brought: hours whose rows in blocks are in no rollup yet, and blocks that are as small as they get.
ROLLUP_TABLES = """
CREATE TABLE IF NOT EXISTS unrolled (
  metric_table TEXT NOT NULL, hour_ms INTEGER NOT NULL, first_ms INTEGER NOT NULL, last_ms INTEGER NOT NULL,
  PRIMARY KEY (metric_table, hour_ms)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS recompressed (path TEXT PRIMARY KEY) WITHOUT ROWID;
"""
# What version 4 brought: blocks that were replaced and are still in the bucket.
REMOVED_TABLE = "CREATE TABLE IF NOT EXISTS removed (path TEXT PRIMARY KEY, since_ms INTEGER NOT NULL) WITHOUT ROWID"

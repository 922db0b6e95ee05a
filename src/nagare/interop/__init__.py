"""Codecs of foreign formats: bytes in, columns out; no file, no socket and no clock of their own."""

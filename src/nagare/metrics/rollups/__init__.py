"""Coarser tiers of each table: how they are made from raw rows, how long each is kept, and which one answers."""

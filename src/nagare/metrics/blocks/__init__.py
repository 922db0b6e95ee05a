"""What is on disk for good: block files, the catalog of those that count, and who moves, merges and reads them."""

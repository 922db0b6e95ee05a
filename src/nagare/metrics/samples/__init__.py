"""Foreign samples: the series table, their record in the log, their head, dedup, blocks and what SQL sees of them."""

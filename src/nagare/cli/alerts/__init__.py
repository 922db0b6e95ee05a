"""``nagare alerts``, ``nagare silences`` and ``nagare rules``."""

"""Evidence: narrow questions to the metric store, each with the one query by which anybody gets the same numbers again."""

"""Updates of the agent by itself: what it trusts, fetches, tries and goes back from."""

"""Signed roles of agent updates after The Update Framework, specification 1.0: making, signing and verifying them."""

"""``nagare kb``: what people wrote down, and what of it fits."""

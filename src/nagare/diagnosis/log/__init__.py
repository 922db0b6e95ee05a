"""The log of models: all that was said to one and by it, by whom it was asked, what it cost, and what was made of it."""

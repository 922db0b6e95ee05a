"""The lists of screen 4 that tell how people hear of alerts."""

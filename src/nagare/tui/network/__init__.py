"""The network as the screen shows it: what of the model becomes nodes and links, where they stand on a map, and how that is drawn."""

"""A chart as a PNG file: a small raster, a font of our own, and the file format. Pure functions, numpy only."""

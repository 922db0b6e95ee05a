"""The checks of ``nagare doctor``, one subject a file; each yields rows and none of them changes anything."""

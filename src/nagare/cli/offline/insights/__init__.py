"""``nagare insights``: statistics over files and history, asked without a server."""

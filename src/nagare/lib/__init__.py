"""One idea a file, standard library only: what every room may lean on and what knows none of them."""

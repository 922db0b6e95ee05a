"""Foreign protocols: the requests, the stores that take them, and what that costs them."""

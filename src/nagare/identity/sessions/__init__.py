"""Sessions of users: access tokens that are short, refresh tokens that work once."""

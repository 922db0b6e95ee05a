"""The dashboard behind a browser's page: a program that the server starts for one user, and speaks to by its pipes."""

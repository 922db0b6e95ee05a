"""The short way for requests that a sender repeats all day: same head, another body."""

"""How unlike its own past each row of a series is: a score from 0 to 1, in one pass, with no look into the future."""

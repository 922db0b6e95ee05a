"""What the bench of the operations room is made of: a server that feeds itself, a link that is far, a clock that runs fast."""

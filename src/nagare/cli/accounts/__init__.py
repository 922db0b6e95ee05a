"""Commands about who may what. They speak to a server through the client and keep no secret in their arguments."""

"""Ed25519 keys and X.509 certificates. Owns cryptography."""

"""A wire to a server that understands what is said on it, and what can go wrong there."""

"""The club: an app of a host."""

"""The association's site of `examples/`, looked at from outside."""

"""The tables of the treasury."""

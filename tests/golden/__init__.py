"""Journals that were written once, and what makes them."""

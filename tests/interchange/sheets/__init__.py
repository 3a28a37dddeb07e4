"""Sheets as treasurers keep them, and what is made of them."""

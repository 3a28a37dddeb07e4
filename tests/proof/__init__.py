"""Tests of what is signed and proved: heads, keys, policies, and peers that check them."""

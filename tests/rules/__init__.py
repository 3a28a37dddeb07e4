"""Tests of the rules: what each call comes to, or why it is refused."""

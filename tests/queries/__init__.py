"""Tests of what is computed from a journal: figures, replays."""

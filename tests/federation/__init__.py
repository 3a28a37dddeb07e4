"""Tests of exchanges between banks."""

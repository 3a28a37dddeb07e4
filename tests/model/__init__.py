"""Tests of values: hours, shares."""

"""Tests of the project itself: documentation, examples, benchmarks."""

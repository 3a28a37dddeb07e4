"""Tests of importers and exporters."""

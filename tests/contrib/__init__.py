"""Tests of what is for one host: Django."""

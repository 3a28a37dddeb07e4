"""Tests of the audit: forged journals, damaged files, stretches, checkpoints."""

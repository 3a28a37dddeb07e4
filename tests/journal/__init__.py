"""Tests of the canonical form, the chain, the fold, and a verifier that shares no code."""

"""Tests of stores: the conformance kit on each, and what is a store's own."""

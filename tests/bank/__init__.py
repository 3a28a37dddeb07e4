"""Tests of a bank: calls, batches, commits, hosts, races, erasure."""

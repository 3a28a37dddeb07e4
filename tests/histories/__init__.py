"""Tests of the checker of histories: good ones, broken ones, and broken stores."""

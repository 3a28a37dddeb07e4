"""Look at sheets that nobody has described, and write the mapping that says what they mean."""

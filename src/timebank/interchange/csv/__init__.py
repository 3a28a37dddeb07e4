"""Import any CSV by a mapping in TOML that says what its columns mean."""

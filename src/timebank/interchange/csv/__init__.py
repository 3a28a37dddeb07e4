"""Any table of comma-separated values, by a mapping in TOML."""

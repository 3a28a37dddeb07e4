"""Speed, measured beside a yardstick and never asserted: `python -m benchmarks`."""

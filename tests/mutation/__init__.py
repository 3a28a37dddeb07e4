"""What the tests would not notice: `python -m mutation decide`, described in docs/mutation.md."""

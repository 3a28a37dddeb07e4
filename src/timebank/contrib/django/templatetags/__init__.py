"""The tags and filters of the app."""

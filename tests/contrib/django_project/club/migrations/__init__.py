"""The migrations of the club."""

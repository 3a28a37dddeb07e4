"""Days in English."""

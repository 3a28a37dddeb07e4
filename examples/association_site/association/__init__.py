"""The project: its settings, its addresses, and what a web server calls."""

"""Engines on a server: PostgreSQL and MariaDB, through SQLAlchemy Core."""

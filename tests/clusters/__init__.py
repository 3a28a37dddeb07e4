"""Clusters of real servers under faults: Patroni and Galera (`python -m clusters --help`)."""

"""What makes the library at home in somebody else's software: a package for each host.

Nothing else here imports it, so that it may use all of the library, the command line too.
"""

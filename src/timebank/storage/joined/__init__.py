"""A bank inside the database and the transaction of a host."""

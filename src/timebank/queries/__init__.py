"""What is asked of a `Reader`: records, balances, statements, holds, members, figures."""

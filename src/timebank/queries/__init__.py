"""Ask a `Reader` for records, balances, statements, holds, members and figures."""

"""Plain-text accounting: what hledger, Ledger and Beancount read."""

"""The migrations of the app: one for each version of the ledger's tables."""

"""The tables of the site; those of the ledger are the library's."""

"""The pages of the coordinator: records for others, accounts, cheques, corrections, a calendar."""

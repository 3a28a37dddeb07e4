"""The pages of the treasurer: balances, audit, head, dues, reports, imports and exports."""

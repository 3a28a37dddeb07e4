"""What every import goes through: rows are read, checked, booked and reconciled."""

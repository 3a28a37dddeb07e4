"""The pages of members: what they have, what they propose and confirm, what is to be corrected."""

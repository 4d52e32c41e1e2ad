"""Local accounts: names and passwords that the platform keeps itself."""

"""The `himalia` command."""

"""People as the API shows them; what is stored of them is in `core.people`."""

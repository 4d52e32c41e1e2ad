"""Notebook servers as the queue sees them: a reservation taken at spawn and given back at stop."""

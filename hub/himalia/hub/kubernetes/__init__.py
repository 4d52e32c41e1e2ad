"""Notebook servers as pods."""

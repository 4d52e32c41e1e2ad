"""Environments that users' code runs in: one per image, and one more per requirements.txt on top."""

"""Environments of one person, made from a requirements.txt on top of an environment: see environments/overlay.py."""

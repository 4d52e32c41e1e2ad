"""Secrets: write-only values of a project, given to its workloads."""

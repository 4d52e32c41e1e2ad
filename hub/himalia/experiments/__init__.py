"""Experiments: searches over a job's parameters; each trial is a job."""

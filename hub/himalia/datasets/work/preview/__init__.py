"""Looks at a version's files and writes what there is to see: `python -m himalia.datasets.work.preview FOLDER OUT`.

It never fails because of what is in a file: each file is opened in a process that may crash or be ended, and what
cannot be read is said so.
"""

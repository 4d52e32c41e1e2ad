"""Profiles: what an administrator lets people choose from, one YAML file each."""

"""Models: versions of MLflow models with where they came from, kept in the project's MLflow registry and our store.

MLflow's registry says which models, versions and aliases there are; the tables here hold beside it what MLflow does
not know. Every change goes through `service`, MLflow clients' changes too (`registry`).
"""

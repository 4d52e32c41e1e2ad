"""Projects: shared spaces that own everything else."""

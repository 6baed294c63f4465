"""The page that follows runs while they train. It reads their folders and nothing else."""

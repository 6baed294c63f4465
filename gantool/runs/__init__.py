"""Run folders: the records in them, the files, resumable states."""

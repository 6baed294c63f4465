"""Pictures of one's own: a reader for each way in which they are kept."""

"""Pictures looked at before anything is trained on them."""

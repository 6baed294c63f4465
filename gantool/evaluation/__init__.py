"""The quality of samples: feature extractors, and scores made with them, each with its protocol.

Nothing is imported here: the catalogue of metrics is read at every start, torch is not.
"""

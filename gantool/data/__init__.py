"""Images: their sources and splits, their preparation, and their reading in batches.

Nothing is imported here: the catalogue of data sets is read at every start, numpy is not.
"""

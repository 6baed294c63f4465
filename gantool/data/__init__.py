"""Images: where they come from, how they are split, prepared once, and read in batches.

Nothing is imported here: the catalogue of data sets is read at every start, numpy is not.
"""

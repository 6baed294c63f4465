"""The data sets that gantool brings."""

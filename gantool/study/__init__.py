"""Studies: models x data x seeds x settings from one committed file, on this machine or on Ray."""

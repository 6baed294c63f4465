"""The models that gantool brings."""

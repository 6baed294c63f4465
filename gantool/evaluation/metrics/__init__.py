"""The scores that gantool brings, a file a family."""

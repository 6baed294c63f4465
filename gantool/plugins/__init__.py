"""Plugins: the descriptions they register, the hooks, the registry, trackers, the scaffold."""

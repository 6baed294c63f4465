"""The pieces of a model: the base classes, objectives, penalties, schedules, layers."""

"""The one path every call takes, sync and async: a chain of stages, each in its own file."""

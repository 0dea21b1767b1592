"""The data: the only place that knows the tables."""

"""Measures iamgraph beside a naive app with the same schema subset. It is no part of the package."""

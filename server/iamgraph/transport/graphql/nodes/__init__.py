"""The graph: one module a type, every edge an operation."""

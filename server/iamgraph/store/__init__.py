"""Where everything is kept: the only package that knows databases, on SQLite or PostgreSQL with the same answers."""

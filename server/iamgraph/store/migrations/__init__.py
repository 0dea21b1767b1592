"""The steps by which the tables came to be what they are. Each is run once on every store, in its order."""

"""The agent of an instance profile: a client of the server, beside the applications that it gets credentials for."""

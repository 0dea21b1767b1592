"""The faces of the service: bytes in, an operation and a caller out."""

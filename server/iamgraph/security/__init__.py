"""Cryptography over well-kept libraries: passwords, sealed secrets, tokens."""

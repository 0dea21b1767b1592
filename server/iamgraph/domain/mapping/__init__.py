"""Mapping rules: which roles a provider offers to whom it has signed in, written in the policy language's conditions."""

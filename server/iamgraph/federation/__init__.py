"""Talks to identity providers, and believes of what they say only what is proven."""

"""An OpenID Connect relying party: what providers publish, kept, and which of their tokens can be believed."""

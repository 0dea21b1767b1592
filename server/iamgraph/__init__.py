"""A self-hosted identity and access management service with a GraphQL API."""

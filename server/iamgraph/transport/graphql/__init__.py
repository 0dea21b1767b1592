"""GraphQL over HTTP: the schema, its limits and its errors."""

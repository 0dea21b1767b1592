"""Shows what the service is for, on one machine; `scripts/demo-sso` runs it. Nothing here is shipped."""

"""Who knows services: adapters to the domain's `Reference`."""

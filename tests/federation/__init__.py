"""The package `iamgraph.federation`."""

"""AWS's own wire: IAM's and STS's query protocol at `/`, for AWS's command line and SDKs."""

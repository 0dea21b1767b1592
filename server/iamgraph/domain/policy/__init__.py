"""The policy language: parse a document, compile it, decide a request, explain the decision."""

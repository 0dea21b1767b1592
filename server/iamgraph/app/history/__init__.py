"""The history: written, chained, kept, shown, followed, exported and verified."""

"""What each of AWS's actions does here, and how AWS shows its result: a module a concern."""

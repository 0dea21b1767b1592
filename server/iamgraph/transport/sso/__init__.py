"""Pages for people: signing in and out in a browser, and taking on roles. They need no script, but for passkeys."""

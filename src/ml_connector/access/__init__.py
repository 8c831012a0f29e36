"""Who may do what: users, roles, sessions, tokens, and signing in."""

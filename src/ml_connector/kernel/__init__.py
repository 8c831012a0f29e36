"""Words every room may use: errors, money, keys, clock, text."""

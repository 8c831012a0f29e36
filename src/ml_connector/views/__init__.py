"""What pages and programs may look at, a page at a time; reading only."""

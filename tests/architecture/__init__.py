"""What keeps the rooms apart and the code within its limits."""

"""What the pages and the API share: who asks, from what, how much, and how failures are answered."""

"""The queue behind its port: jobs by id, one at a time for each lock, taken over when a worker dies."""

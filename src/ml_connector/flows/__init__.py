"""One file a flow: what it reads, how it decides."""

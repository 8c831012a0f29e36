"""The pages: handlers, templates and everything a browser loads."""

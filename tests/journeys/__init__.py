"""Whole journeys over real HTTP and a real PostgreSQL: what an accountant would see on both sides."""

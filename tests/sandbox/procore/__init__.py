"""Tests of the simulated Procore."""

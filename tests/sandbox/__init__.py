"""Tests of the simulated systems, and the contract check other tests use."""

"""Tests of the simulated IFS Cloud."""

"""Tests of the Procore room, against the simulated Procore."""

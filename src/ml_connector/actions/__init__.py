"""Everything a person or a program can do, one table of it; the doors offer nothing else."""

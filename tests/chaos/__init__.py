"""A storm over many connections and workers, from a seed: `make chaos`, and a short one in the suite."""

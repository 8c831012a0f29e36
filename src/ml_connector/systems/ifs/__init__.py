"""IFS Cloud as the erp: projections in, canonical records out."""

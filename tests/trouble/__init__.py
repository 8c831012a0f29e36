"""Everything that can be wrong around us: a clear sentence, a remedy, nothing lost, and the next run heals."""

"""Both systems simulated from their documentation, with a cast, faults and a clock."""

"""Pure decisions: a situation goes in, a plan comes out."""

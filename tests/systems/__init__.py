"""How the systems' rooms behave towards the outside."""

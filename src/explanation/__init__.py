"""How the neighbors of an absorber contribute to its spectrum."""

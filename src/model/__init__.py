"""The network: basis functions, equivariant layers, attention to the absorber, and their whole."""

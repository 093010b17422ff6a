"""The network: basis functions, equivariant layers, attention, scattering paths, readout."""

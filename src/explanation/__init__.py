"""Which neighbours make a spectrum what it is."""

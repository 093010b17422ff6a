"""How sure a prediction is: bands, and how new a site is."""

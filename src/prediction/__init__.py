"""From structures to spectra."""

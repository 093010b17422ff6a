"""Scripts that redo the measurements and the pretraining that docs/accuracy.md reports."""

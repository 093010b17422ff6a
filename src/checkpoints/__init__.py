"""Trained models and the state of a training, on disk."""

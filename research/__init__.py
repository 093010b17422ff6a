"""Scripts that make the tables and pictures of docs/accuracy.md from trainings."""

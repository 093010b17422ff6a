"""Pages that tell of a data set, a training, an evaluation or a comparison."""
